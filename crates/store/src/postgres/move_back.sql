-- Ends leases of tasks that go on: put off, given back, or to be tried again.
--
-- $1 ids   $2 the leases that end   $3 new states   $4 waits until run_at, in microseconds   $5 attempts
-- $6 crashes   $7 outcomes of the leases   $8 errors
--
-- The rows are locked already, so they stay in their places. By ctid and with LIKE: see claim_one.sql.
WITH moved AS (
    UPDATE tasks SET
        state = move.state,
        run_at = now() + move.delay * interval '1 microsecond',
        attempt = move.attempt,
        crashes = move.crashes,
        last_outcome = move.last_outcome,
        errors = move.errors,
        lease_expires_at = NULL,
        deadline_at = NULL,
        expires_at = NULL
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::bigint[], $5::integer[], $6::integer[],
            $7::text[], $8::text[])
        AS move (id, lease, state, delay, attempt, crashes, last_outcome, errors)
    CROSS JOIN LATERAL (SELECT place.ctid FROM tasks AS place WHERE place.id = move.id LIMIT 1) AS located
    WHERE tasks.ctid = located.ctid AND tasks.state LIKE 'running' AND tasks.lease = move.lease
    RETURNING tasks.queue, tasks.state
),
counted AS (
    INSERT INTO queue_counts (queue, scheduled, available, running)
    SELECT queue, count(*) FILTER (WHERE state = 'scheduled'), count(*) FILTER (WHERE state = 'available'),
        -count(*)
    FROM moved GROUP BY queue
)
SELECT count(*) FROM moved
