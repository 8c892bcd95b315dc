-- Takes idempotency keys, or answers what they stand for: key, fingerprint, task, whether the key was free,
-- and whether it is still within the window of $4 microseconds.
--
-- $1 keys, sorted, so that two transactions wait for each other in one direction only   $2 fingerprints
-- $3 tasks
--
-- The update changes nothing. It locks the row, so that the key cannot be pruned or taken over until this
-- transaction ends, and it makes RETURNING answer the row that is there.
-- A row that this statement made has never been locked: its xmax is 0.
INSERT INTO idempotency_keys (key, fingerprint, task_id, created_at)
SELECT key, fingerprint, task_id, now()
FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS request (key, fingerprint, task_id)
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING key, fingerprint, task_id, xmax = 0, created_at > now() - $4::bigint * interval '1 microsecond'
