-- The columns of `status_tasks.sql`, and two more. When both ends have passed, the earlier one counts.
SELECT id, state, queue, kind, attempt, max_attempts, crashes, lease, last_outcome, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL AS result,
    rowid, trace_context, deadline_at <= lease_expires_at AS timed_out, timeout_ms
FROM tasks INDEXED BY tasks_expiry
WHERE state = 'running' AND expires_at <= ?1
ORDER BY expires_at
LIMIT ?2
