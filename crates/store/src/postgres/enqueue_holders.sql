-- The unfinished tasks that have unique keys. $1 queues   $2 kinds   $3 keys
SELECT id, task.kind, task.queue, payload, state, priority, run_at, timeout_ms, max_attempts,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, task.unique_key, unique_on_conflict, tags,
    metadata, attempt, crashes, lease, last_outcome, lease_expires_at, worker_id, progress,
    cancel_requested, errors, created_at, started_at, NULL::text, NULL::text, NULL::timestamptz,
    trace_context
FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (queue, kind, unique_key)
CROSS JOIN LATERAL (
    SELECT *
    FROM tasks
    WHERE tasks.queue = wanted.queue AND tasks.kind = wanted.kind
        AND tasks.unique_key = wanted.unique_key AND tasks.unique_key IS NOT NULL
    LIMIT 1
) AS task
