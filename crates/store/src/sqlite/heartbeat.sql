UPDATE tasks SET
    lease_expires_at = ?3,
    expires_at = min(?3, deadline_at),
    progress = coalesce(?4, progress)
WHERE id = ?1 AND state = 'running' AND lease = ?2
