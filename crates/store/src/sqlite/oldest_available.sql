-- `tasks_ready` is ordered by kind and priority first: one seek for each of the nine priorities of a kind.
SELECT min((
    SELECT run_at FROM tasks INDEXED BY tasks_ready
    WHERE state = 'available' AND queue = ?1 AND kind = ?2 AND priority = level.value
    ORDER BY run_at
    LIMIT 1
))
FROM json_each('[1,2,3,4,5,6,7,8,9]') AS level
