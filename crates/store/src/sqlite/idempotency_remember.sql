INSERT OR REPLACE INTO idempotency_keys (key, fingerprint, task_id, created_at) VALUES (?1, ?2, ?3, ?4)
