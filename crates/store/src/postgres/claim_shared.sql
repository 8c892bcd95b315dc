-- Leases what was picked to several workers, in their order: each takes its number of tasks.
--
-- $3 workers, one per demand   $4 their leases in microseconds   $5 where in the order each demand begins
--
-- As claim_one.sql, but by a join, since a row has to know which demand its place in the order belongs to.
UPDATE tasks SET
    state = 'running',
    lease = greatest(lease, (SELECT coalesce(max(epoch), 0) FROM epochs) * 1048576) + 1,
    attempt = attempt + 1,
    worker_id = ($3::text[])[width_bucket(shared.place, $5::bigint[])],
    started_at = now(),
    lease_expires_at = now()
        + ($4::bigint[])[width_bucket(shared.place, $5::bigint[])] * interval '1 microsecond',
    deadline_at = now() + timeout_ms * interval '1 millisecond',
    expires_at = now() + least(
        ($4::bigint[])[width_bucket(shared.place, $5::bigint[])] * interval '1 microsecond',
        timeout_ms * interval '1 millisecond'),
    last_outcome = NULL,
    progress = NULL
FROM (SELECT ctid, row_number() OVER () - 1 AS place FROM picked) AS shared
WHERE tasks.ctid = shared.ctid AND state LIKE 'available'
RETURNING id, kind, queue, payload, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, cancel_requested, errors, created_at, started_at, trace_context, place
