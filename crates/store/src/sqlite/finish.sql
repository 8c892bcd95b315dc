-- Moves a task to the history; the DELETE that follows is in the same transaction. Guarded by the state (?2)
-- and lease (?3) the decision was made for. The rest of the row is copied without leaving the database.
--
-- OR FAIL, here and in other statements that are run often, keeps SQLite from journalling the statement for
-- itself, a sixth of the cost: who fails is rolled back by the writer anyway, with all its statements. A call of
-- any SQL function would bring the journal back, hence CASE and not min().
INSERT OR FAIL INTO history (
    id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, finished_at, dead_reason,
    tags, metadata, progress, errors, result, payload, trace_context
)
SELECT
    id, ?4, queue, kind, priority, run_at, ?5, max_attempts, ?6, lease, ?7,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, ?11, ?10,
    tags, metadata, progress, coalesce(?8, errors), ?9, payload, trace_context
FROM tasks WHERE rowid = ?1 AND state = ?2 AND lease = ?3
