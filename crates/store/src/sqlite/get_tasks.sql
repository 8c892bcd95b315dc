SELECT id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    lease_expires_at, worker_id, cancel_requested, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, started_at, tags, metadata, progress, errors, payload,
    NULL AS result, NULL AS dead_reason, NULL AS finished_at, trace_context
FROM tasks WHERE id = ?1
