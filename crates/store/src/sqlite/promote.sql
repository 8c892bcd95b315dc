UPDATE tasks SET state = 'available'
WHERE id IN (
    SELECT id FROM tasks INDEXED BY tasks_due
    WHERE state = 'scheduled' AND run_at <= ?1
    ORDER BY run_at
    LIMIT ?2
)
RETURNING queue
