-- The places of the first available tasks of a queue and kind. INDEXED BY, here and in what follows, makes a lost
-- index an error and not a scan of the whole backlog.
SELECT priority, run_at, id FROM tasks INDEXED BY tasks_ready
WHERE state = 'available' AND queue = ?1 AND kind = ?2
ORDER BY priority, run_at, id
LIMIT ?3
