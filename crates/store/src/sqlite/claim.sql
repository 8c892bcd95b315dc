-- Leases the first available tasks of a queue and kind: those that `claim_read.sql` has just read. ?1 queue, ?2
-- kind, ?3 how many, ?4 worker, ?5 now, ?6 end of the lease. Leases of a restored database go on from their epoch's
-- first number: see `epoch.rs`.
UPDATE OR FAIL tasks SET
    state = 'running',
    attempt = attempt + 1,
    lease = max(lease, (SELECT coalesce(max(epoch), 0) FROM epochs) * 1048576) + 1,
    last_outcome = NULL,
    lease_expires_at = ?6,
    deadline_at = ?5 + timeout_ms * 1000,
    expires_at = CASE WHEN ?6 < ?5 + timeout_ms * 1000 THEN ?6 ELSE ?5 + timeout_ms * 1000 END,
    worker_id = ?4,
    started_at = ?5,
    progress = NULL
WHERE rowid IN (
    SELECT rowid FROM tasks INDEXED BY tasks_ready
    WHERE state = 'available' AND queue = ?1 AND kind = ?2
    ORDER BY priority, run_at, id
    LIMIT ?3
)
