SELECT id, 'it would be taken away before its lease and its attempt end'
FROM tasks
WHERE state = 'running' AND expires_at < min(lease_expires_at, deadline_at)
