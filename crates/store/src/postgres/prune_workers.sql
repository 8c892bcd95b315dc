-- Forgets up to $2 workers that have not asked for tasks for $1 microseconds.
DELETE FROM workers
WHERE worker_id = ANY (ARRAY (
    SELECT worker_id FROM workers
    WHERE last_seen_at < now() - $1::bigint * interval '1 microsecond'
    LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED
))
