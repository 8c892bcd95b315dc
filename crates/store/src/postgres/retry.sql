-- Brings the dead tasks $1 back; answers those that came. A task whose unique key was taken since stays.
--
-- Tasks are inserted in the order of their unique keys, as enqueue does it, and tasks with the same key in
-- the order they are named.
WITH dead AS MATERIALIZED (
    SELECT finished.*
    FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
    CROSS JOIN LATERAL (
        SELECT * FROM history WHERE history.id = wanted.id AND history.state = 'dead' LIMIT 1 FOR UPDATE
    ) AS finished
    ORDER BY finished.queue, finished.kind, finished.unique_key, wanted.place
),
revived AS (
    INSERT INTO tasks (id, run_at, created_at, lease, timeout_ms, retry_initial_ms, retry_max_ms,
        retry_factor, retry_jitter, started_at, max_attempts, priority, state, queue, kind, payload,
        worker_id, unique_key, unique_on_conflict, tags, metadata, errors, trace_context)
    SELECT id, now(), created_at, lease, timeout_ms, retry_initial_ms, retry_max_ms,
        retry_factor, retry_jitter, started_at, max_attempts, priority, 'available', queue, kind, payload,
        worker_id, unique_key, unique_on_conflict, tags, metadata, errors, trace_context
    FROM dead
    ON CONFLICT (queue, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING id, queue
),
removed AS (
    DELETE FROM history WHERE id = ANY (ARRAY (SELECT revived.id FROM revived))
),
counted AS (
    INSERT INTO queue_counts (queue, dead, available)
    SELECT queue, -count(*), count(*) FROM revived GROUP BY queue
)
SELECT id FROM revived
