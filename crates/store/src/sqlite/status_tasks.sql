SELECT id, state, queue, kind, attempt, max_attempts, crashes, lease, last_outcome, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL AS result,
    rowid, trace_context
FROM tasks WHERE id = ?1
