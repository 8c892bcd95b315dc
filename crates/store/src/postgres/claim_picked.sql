-- Picks tasks for a claim, and keeps the counters. claim_one.sql or claim_shared.sql goes on from here: together
-- they are one statement, for any number of demands that name the same queues and kinds.
--
-- $1 kinds, or NULL for all   $2 how many tasks altogether   $6 queues and $7 priorities, in the order they are
-- served   $8 run_at and $9 id to begin at in each of them: see floors.rs
--
-- The walk goes through tasks_ready in its own order and locks what it meets; rows that another claim has
-- locked are skipped, not waited for. Queues and priorities are visited one after the other, and a later
-- one only when the earlier ones did not give enough; they come as one list, since the planner would be free
-- to turn two lists round. MATERIALIZED is the fence: without it the planner may run the scan more than
-- once, and lock more rows than are taken. What is locked here is what is claimed, so the counters are kept
-- from these narrow rows, and the wide ones are answered as they are written.
WITH picked AS MATERIALIZED (
    SELECT task.ctid, wanted.queue
    FROM unnest($6::text[], $7::smallint[], $8::timestamptz[], $9::uuid[])
        AS wanted (queue, priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT tasks.ctid
        FROM tasks
        WHERE tasks.state = 'available'
            AND tasks.queue = wanted.queue
            AND tasks.priority = wanted.priority
            AND (tasks.run_at, tasks.id) >= (wanted.run_at, wanted.id)
            AND ($1::text[] IS NULL OR tasks.kind = ANY ($1::text[]))
        ORDER BY tasks.run_at, tasks.id
        LIMIT $2::bigint
        FOR UPDATE SKIP LOCKED
    ) AS task
    WHERE wanted.queue <> ALL (ARRAY (SELECT queues.name FROM queues WHERE queues.paused))
    LIMIT $2::bigint
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM picked GROUP BY queue
)
