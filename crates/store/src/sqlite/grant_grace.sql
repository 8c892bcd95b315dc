-- Whatever would be over before ?1. Both ends are moved: a worker that had finished in time, and could not say so,
-- is not to be told that its attempt ran for too long.
UPDATE OR FAIL tasks SET
    lease_expires_at = max(lease_expires_at, ?1),
    deadline_at = max(deadline_at, ?1),
    expires_at = ?1
WHERE rowid IN (SELECT rowid FROM tasks INDEXED BY tasks_expiry WHERE state = 'running' AND expires_at < ?1)
