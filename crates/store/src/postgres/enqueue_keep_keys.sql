-- Lets keys this transaction has taken stand for the tasks their items got after all. $1 keys
-- $2 fingerprints   $3 tasks
UPDATE idempotency_keys SET fingerprint = kept.fingerprint, task_id = kept.task_id, created_at = now()
FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS kept (key, fingerprint, task_id)
WHERE idempotency_keys.key = kept.key
