-- Gives back the keys $1, taken by this transaction for items that were refused.
DELETE FROM idempotency_keys WHERE key = ANY ($1::text[])
