DELETE FROM idempotency_keys
WHERE key IN (
    SELECT key FROM idempotency_keys INDEXED BY idempotency_keys_created
    WHERE created_at <= ?1
    ORDER BY created_at
    LIMIT ?2
)
