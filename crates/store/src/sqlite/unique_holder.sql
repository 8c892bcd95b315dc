-- The writer is alone in its transaction: what this finds cannot change before the insert that follows.
SELECT id FROM tasks INDEXED BY tasks_unique WHERE queue = ?1 AND kind = ?2 AND unique_key = ?3
