-- Leases all that was picked to one worker.
--
-- $3 the worker   $4 its lease in microseconds   $5 zero; each in a list of one, as claim_shared.sql has them
--
-- The rows are updated by their place in the table, which a lock keeps, in one pass over the pages; the
-- answer is not in the order of the claim. By id there would be a choice of plans, among them a walk
-- through a whole index that was small when the plan was made; see connection.rs. LIKE instead of = keeps
-- the partial indexes out of that choice. Leases of a restored database go on from their epoch's first number: see
-- epoch.rs.
UPDATE tasks SET
    state = 'running',
    lease = greatest(lease, (SELECT coalesce(max(epoch), 0) FROM epochs) * 1048576) + 1,
    attempt = attempt + 1,
    worker_id = ($3::text[])[1],
    started_at = now(),
    lease_expires_at = now() + ($4::bigint[])[1] * interval '1 microsecond',
    deadline_at = now() + timeout_ms * interval '1 millisecond',
    expires_at = now()
        + least(($4::bigint[])[1] * interval '1 microsecond', timeout_ms * interval '1 millisecond'),
    last_outcome = NULL,
    progress = NULL
WHERE ctid = ANY (ARRAY (SELECT ctid FROM picked)) AND state LIKE 'available'
RETURNING id, kind, queue, payload, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, cancel_requested, errors, created_at, started_at, trace_context, ($5::bigint[])[1]
