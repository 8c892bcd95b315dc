-- Extends leases, each at most once.
--
-- $1 ids, sorted, so that two batches with the same tasks lock them in the same order
-- $2 leases   $3 how long each lasts, in microseconds   $4 progress, or NULL to leave it
UPDATE tasks SET
    lease_expires_at = now() + beat.extend * interval '1 microsecond',
    expires_at = least(now() + beat.extend * interval '1 microsecond', deadline_at),
    progress = coalesce(beat.progress, tasks.progress)
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[]) AS beat (id, lease, extend, progress)
WHERE tasks.id = beat.id AND tasks.state = 'running' AND tasks.lease = beat.lease
RETURNING tasks.id, tasks.lease, tasks.cancel_requested, now()
