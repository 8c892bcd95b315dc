-- Resuming a queue that never was paused inserts nothing; what is so already is not updated.
INSERT INTO queues (name, paused, paused_at)
SELECT ?1, ?2, ?3 WHERE ?2 OR EXISTS (SELECT 1 FROM queues WHERE name = ?1)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, paused_at = excluded.paused_at
    WHERE paused <> excluded.paused
