-- Tasks by id, unfinished or finished. One statement, so that a task on its way between the two tables is
-- in exactly one of them. The joins let each id look into one partition only.
SELECT tasks.id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, lease_expires_at, worker_id, progress, cancel_requested, errors,
    created_at, started_at, NULL AS result, NULL AS dead_reason, NULL::timestamptz AS finished_at
FROM unnest($1::uuid[]) AS wanted (id)
JOIN tasks ON tasks.id = wanted.id
UNION ALL
SELECT history.id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, NULL::timestamptz, worker_id, progress, cancel_requested, errors,
    created_at, started_at, result, dead_reason, finished_at
FROM unnest($1::uuid[]) AS wanted (id)
JOIN history ON history.id = wanted.id
