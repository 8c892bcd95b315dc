-- Extends leases, each at most once.
--
-- $1 ids, sorted, each once   $2 leases   $3 how long each lasts, in microseconds
-- $4 progress, or NULL to leave it
--
-- Without a join, with bisection and with LIKE for the same reasons as settle_complete.sql.
UPDATE tasks SET
    lease_expires_at = now() + ($3::bigint[])[width_bucket(id, $1::uuid[])] * interval '1 microsecond',
    expires_at = least(
        now() + ($3::bigint[])[width_bucket(id, $1::uuid[])] * interval '1 microsecond', deadline_at),
    progress = coalesce(($4::text[])[width_bucket(id, $1::uuid[])], progress)
WHERE id = ANY ($1::uuid[]) AND state LIKE 'running'
    AND lease = ($2::bigint[])[width_bucket(id, $1::uuid[])]
RETURNING id, lease, cancel_requested, now()
