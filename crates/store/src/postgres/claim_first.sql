-- Picks the first tasks of one queue: what claim_picked.sql does for several queues, or from somewhere on, and
-- with the same parameters but $6, the queue. One walk through the index instead of one for each priority, which
-- makes a claim of a single task a fifth cheaper.
WITH picked AS MATERIALIZED (
    SELECT ctid, queue
    FROM tasks
    WHERE state = 'available'
        AND queue = $6::text
        AND ($1::text[] IS NULL OR kind = ANY ($1::text[]))
        AND NOT EXISTS (SELECT FROM queues WHERE queues.name = $6::text AND queues.paused)
    ORDER BY priority, run_at, id
    LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM picked GROUP BY queue
)
