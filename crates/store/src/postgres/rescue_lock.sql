-- The first $1 leases and attempts that are over, locked until the transaction ends. Columns as in
-- settle_lock.sql, then when the lease and the attempt were to end.
--
-- Tasks that are locked are being settled, extended, or rescued by another instance: they are skipped. A
-- task that was extended since this statement began is looked at again when it is locked, and left out.
SELECT id, queue, kind, state, lease, last_outcome, attempt, max_attempts, crashes, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL::text,
    now(), trace_context, lease_expires_at, deadline_at
FROM tasks
WHERE state = 'running' AND expires_at <= now()
ORDER BY expires_at
LIMIT $1::bigint
FOR UPDATE SKIP LOCKED
