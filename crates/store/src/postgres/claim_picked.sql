-- Picks tasks for a claim, and keeps the counters. claim_one.sql or claim_shared.sql goes on from here: the
-- three are one statement, for any number of demands that name the same queues and kinds.
--
-- $1 queues, in the order they are served   $2 kinds, or NULL for all   $3 how many tasks altogether
-- $4 run_at and $5 id to begin at, for each queue and within it for each priority: see floors.rs
--
-- The walk goes through tasks_ready in its own order and locks what it meets; rows that another claim has
-- locked are skipped, not waited for. Queues and priorities are visited one after the other, and a later
-- one only when the earlier ones did not give enough. MATERIALIZED is the fence: without it the planner may run the scan
-- more than once, and lock more rows than are taken. What is locked here is what is claimed, so the
-- counters are kept from these narrow rows, and the wide ones are answered as they are written.
WITH picked AS MATERIALIZED (
    SELECT task.ctid, wanted.queue
    FROM unnest($1::text[]) WITH ORDINALITY AS wanted (queue, number)
    CROSS JOIN generate_series(1, 9) AS level (priority)
    CROSS JOIN LATERAL (
        SELECT tasks.ctid
        FROM tasks
        WHERE tasks.state = 'available'
            AND tasks.queue = wanted.queue
            AND tasks.priority = level.priority::smallint
            AND (tasks.run_at, tasks.id) >= (
                ($4::timestamptz[])[9 * (wanted.number - 1) + level.priority],
                ($5::uuid[])[9 * (wanted.number - 1) + level.priority])
            AND ($2::text[] IS NULL OR tasks.kind = ANY ($2::text[]))
        ORDER BY tasks.run_at, tasks.id
        LIMIT $3::bigint
        FOR UPDATE SKIP LOCKED
    ) AS task
    WHERE wanted.queue <> ALL (ARRAY (SELECT queues.name FROM queues WHERE queues.paused))
    LIMIT $3::bigint
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM picked GROUP BY queue
)
