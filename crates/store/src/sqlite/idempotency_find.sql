SELECT fingerprint, task_id FROM idempotency_keys
WHERE key = ?1 AND created_at > ?2
    AND (EXISTS (SELECT 1 FROM tasks WHERE id = task_id) OR EXISTS (SELECT 1 FROM history WHERE id = task_id))
