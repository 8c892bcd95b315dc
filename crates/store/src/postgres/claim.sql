-- Leases tasks to the workers that wait for them, in one statement for any number of demands that name the
-- same queues and kinds.
--
-- $1 queues, in the order they are served   $2 kinds, or NULL for all   $3 how many tasks altogether
-- $4 workers, one per demand   $5 their leases in microseconds   $6 where in the order each demand begins
--
-- `picked` walks tasks_ready in its own order and locks what it meets; rows that another claim has locked
-- are skipped, not waited for. Queues are visited one after the other, and a later one only when the
-- earlier ones did not give enough. MATERIALIZED is the fence: without it the planner may run the scan
-- more than once, and lock more rows than are taken.
--
-- The rows are updated by their place in the table, which a lock keeps. By id there would be a choice of
-- plans, among them a walk through a whole index that was small when the plan was made; see
-- connection.rs. LIKE instead of = keeps the partial indexes out of that choice.
WITH picked AS MATERIALIZED (
    SELECT ready.ctid, row_number() OVER () - 1 AS place
    FROM (
        SELECT task.ctid
        FROM unnest($1::text[]) AS wanted (queue)
        CROSS JOIN LATERAL (
            SELECT tasks.ctid
            FROM tasks
            WHERE tasks.state = 'available'
                AND tasks.queue = wanted.queue
                AND ($2::text[] IS NULL OR tasks.kind = ANY ($2::text[]))
            ORDER BY tasks.priority, tasks.run_at, tasks.id
            LIMIT $3::bigint
            FOR UPDATE SKIP LOCKED
        ) AS task
        WHERE wanted.queue <> ALL (ARRAY (SELECT queues.name FROM queues WHERE queues.paused))
        LIMIT $3::bigint
    ) AS ready
),
claimed AS (
    UPDATE tasks SET
        state = 'running',
        lease = lease + 1,
        attempt = attempt + 1,
        worker_id = ($4::text[])[width_bucket(picked.place, $6::bigint[])],
        started_at = now(),
        lease_expires_at = now()
            + ($5::bigint[])[width_bucket(picked.place, $6::bigint[])] * interval '1 microsecond',
        deadline_at = now() + timeout_ms * interval '1 millisecond',
        expires_at = now() + least(
            ($5::bigint[])[width_bucket(picked.place, $6::bigint[])] * interval '1 microsecond',
            timeout_ms * interval '1 millisecond'),
        last_outcome = NULL,
        progress = NULL
    FROM picked
    WHERE tasks.ctid = picked.ctid AND tasks.state LIKE 'available'
    RETURNING tasks.*, picked.place
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM claimed GROUP BY queue
)
SELECT id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, lease_expires_at, worker_id, progress, cancel_requested, errors,
    created_at, started_at, NULL::text, NULL::text, NULL::timestamptz, place
FROM claimed
