-- Tasks by id, unfinished or finished. One statement, so that a task on its way between the two tables is
-- in exactly one of them. LIMIT 1 makes each id a look-up of its own, which touches one partition only; a
-- plain join could become a walk through all of them.
SELECT task.id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, lease_expires_at, worker_id, progress, cancel_requested, errors,
    created_at, started_at, NULL AS result, NULL AS dead_reason, NULL::timestamptz AS finished_at,
    trace_context
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.id = wanted.id LIMIT 1) AS task
UNION ALL
SELECT task.id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, NULL::timestamptz, worker_id, progress, cancel_requested, errors,
    created_at, started_at, result, dead_reason, finished_at, trace_context
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE history.id = wanted.id LIMIT 1) AS task
