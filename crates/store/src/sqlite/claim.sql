-- Leases the first tasks of a queue in the order of `tasks_ready`: those that `claim_read.sql` has just read.
-- INDEXED BY makes a lost index an error and not a scan of the whole backlog. ?1 queue, ?2 how many, ?3 worker,
-- ?4 now, ?5 end of the lease, ?6 kinds as a JSON array, or NULL for all.
UPDATE OR FAIL tasks SET
    state = 'running',
    attempt = attempt + 1,
    lease = lease + 1,
    last_outcome = NULL,
    lease_expires_at = ?5,
    deadline_at = ?4 + timeout_ms * 1000,
    expires_at = CASE WHEN ?5 < ?4 + timeout_ms * 1000 THEN ?5 ELSE ?4 + timeout_ms * 1000 END,
    worker_id = ?3,
    started_at = ?4,
    progress = NULL
WHERE id IN (
    SELECT id FROM tasks INDEXED BY tasks_ready
    WHERE state = 'available' AND queue = ?1
        AND (?6 IS NULL OR kind IN (SELECT value FROM json_each(?6)))
    ORDER BY priority, run_at, id
    LIMIT ?2
)
