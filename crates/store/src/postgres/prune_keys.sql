-- Removes up to $2 idempotency keys older than $1 microseconds. A key that is being used is skipped.
WITH removed AS (
    DELETE FROM idempotency_keys
    WHERE key = ANY (ARRAY (
        SELECT key FROM idempotency_keys
        WHERE created_at < now() - $1::bigint * interval '1 microsecond'
        ORDER BY created_at
        LIMIT $2::bigint
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING key
)
SELECT count(*) FROM removed
