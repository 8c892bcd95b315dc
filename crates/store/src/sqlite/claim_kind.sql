-- The next kind, after ?2, of which a queue has available tasks: one seek.
SELECT kind FROM tasks INDEXED BY tasks_ready
WHERE state = 'available' AND queue = ?1 AND kind > ?2
ORDER BY kind
LIMIT 1
