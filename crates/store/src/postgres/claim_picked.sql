-- Picks tasks for a claim, and keeps the counters. claim_one.sql or claim_shared.sql goes on from here: the
-- three are one statement, for any number of demands that name the same queues and kinds.
--
-- $1 queues and $2 priorities, in the order they are served   $3 run_at and $4 id to begin at in each of
-- them: see floors.rs   $5 kinds, or NULL for all   $6 how many tasks altogether
--
-- The walk goes through tasks_ready in its own order and locks what it meets; rows that another claim has
-- locked are skipped, not waited for. Queues and priorities are visited one after the other, and a later
-- one only when the earlier ones did not give enough; they come as one list, since the planner would be free
-- to turn two lists round. MATERIALIZED is the fence: without it the planner may run the scan more than
-- once, and lock more rows than are taken. What is locked here is what is claimed, so the counters are kept
-- from these narrow rows, and the wide ones are answered as they are written.
WITH picked AS MATERIALIZED (
    SELECT task.ctid, wanted.queue
    FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::uuid[])
        AS wanted (queue, priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT tasks.ctid
        FROM tasks
        WHERE tasks.state = 'available'
            AND tasks.queue = wanted.queue
            AND tasks.priority = wanted.priority
            AND (tasks.run_at, tasks.id) >= (wanted.run_at, wanted.id)
            AND ($5::text[] IS NULL OR tasks.kind = ANY ($5::text[]))
        ORDER BY tasks.run_at, tasks.id
        LIMIT $6::bigint
        FOR UPDATE SKIP LOCKED
    ) AS task
    WHERE wanted.queue <> ALL (ARRAY (SELECT queues.name FROM queues WHERE queues.paused))
    LIMIT $6::bigint
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM picked GROUP BY queue
)
