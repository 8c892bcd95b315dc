-- The tasks that `claim.sql` is about to lease, with the values it gives them; the parameters and the selection
-- are its. Reading first and updating then is faster than UPDATE … RETURNING, which copies each row into a
-- temporary table, and gives the rows in order. The list of columns is that of `get_tasks.sql`.
SELECT id, 'running', queue, kind, priority, run_at, attempt + 1, max_attempts, crashes,
    max(lease, (SELECT coalesce(max(epoch), 0) FROM epochs) * 1048576) + 1, NULL,
    ?6, ?4, cancel_requested, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, ?5, tags, metadata, NULL AS progress, errors, payload,
    NULL AS result, NULL AS dead_reason, NULL AS finished_at, trace_context
FROM tasks INDEXED BY tasks_ready
WHERE state = 'available' AND queue = ?1 AND kind = ?2
ORDER BY priority, run_at, id
LIMIT ?3
