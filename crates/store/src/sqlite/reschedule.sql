-- Ends a lease of a task that goes on. Guarded by the state (?2) and lease (?3) the decision was made for.
UPDATE OR FAIL tasks SET
    state = ?4,
    run_at = ?5,
    attempt = ?6,
    crashes = ?7,
    last_outcome = ?8,
    errors = coalesce(?9, errors),
    lease_expires_at = NULL,
    deadline_at = NULL,
    expires_at = NULL
WHERE rowid = ?1 AND state = ?2 AND lease = ?3
