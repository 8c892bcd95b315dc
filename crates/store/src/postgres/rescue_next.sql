-- When the next lease or attempt ends if nobody does anything, and the time.
SELECT expires_at, now() FROM tasks WHERE state = 'running' ORDER BY expires_at LIMIT 1
