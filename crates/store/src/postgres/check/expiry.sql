SELECT id, 'it would be taken away before its lease and its attempt end'
FROM tasks
WHERE state = 'running' AND expires_at < least(lease_expires_at, deadline_at)
