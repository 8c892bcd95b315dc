DELETE FROM history
WHERE id IN (
    SELECT id FROM history INDEXED BY history_finished
    WHERE finished_at < ?1
    ORDER BY finished_at
    LIMIT ?2
)
RETURNING id
