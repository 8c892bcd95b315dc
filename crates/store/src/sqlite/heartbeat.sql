UPDATE OR FAIL tasks SET
    lease_expires_at = ?3,
    expires_at = CASE WHEN ?3 < deadline_at THEN ?3 ELSE deadline_at END,
    progress = coalesce(?4, progress)
WHERE rowid = ?1 AND state = 'running' AND lease = ?2
