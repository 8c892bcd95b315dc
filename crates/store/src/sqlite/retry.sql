-- Moves a dead task back; the DELETE that follows is in the same transaction. Its errors, its latest worker
-- and the time of its latest attempt stay; what made it finished goes.
INSERT INTO tasks (
    id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, tags, metadata, progress, errors, payload,
    trace_context
)
SELECT
    id, ?2, queue, kind, priority, ?3, ?4, max_attempts, ?5, ?6, ?7,
    worker_id, 0, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, tags, metadata, progress, errors, payload,
    trace_context
FROM history WHERE rowid = ?1 AND state = 'dead'
