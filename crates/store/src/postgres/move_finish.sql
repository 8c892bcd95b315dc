-- Moves tasks to history: settled ones, dead ones, cancelled ones.
--
-- $1 ids   $2 the states they are in   $3 their leases   $4 final states   $5 crashes
-- $6 outcomes of the leases   $7 errors   $8 reasons of death   $9 results
--
-- The rows are locked already, so they stay in their places. By ctid: see claim_one.sql.
WITH done AS (
    DELETE FROM tasks
    USING unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::integer[], $6::text[], $7::text[],
            $8::text[], $9::text[])
        AS move (id, state, lease, final_state, crashes, last_outcome, errors, dead_reason, result)
    CROSS JOIN LATERAL (SELECT place.ctid FROM tasks AS place WHERE place.id = move.id LIMIT 1) AS located
    WHERE tasks.ctid = located.ctid AND tasks.state = move.state AND tasks.lease = move.lease
    RETURNING tasks.*, move.final_state, move.crashes AS final_crashes, move.last_outcome AS final_outcome,
        move.errors AS final_errors, move.dead_reason, move.result
),
kept AS (
    INSERT INTO history (id, run_at, created_at, finished_at, lease, timeout_ms, retry_initial_ms,
        retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
        cancel_requested, state, queue, kind, payload, last_outcome, worker_id, unique_key,
        unique_on_conflict, tags, metadata, progress, errors, dead_reason, result, trace_context)
    SELECT id, run_at, created_at, now(), lease, timeout_ms, retry_initial_ms,
        retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, final_crashes, priority,
        cancel_requested, final_state, queue, kind, payload, final_outcome, worker_id, unique_key,
        unique_on_conflict, tags, metadata, progress, final_errors, dead_reason, result, trace_context
    FROM done
),
counted AS (
    INSERT INTO queue_counts (queue, scheduled, available, running, completed, cancelled, dead)
    SELECT queue, -count(*) FILTER (WHERE state = 'scheduled'), -count(*) FILTER (WHERE state = 'available'),
        -count(*) FILTER (WHERE state = 'running'), count(*) FILTER (WHERE final_state = 'completed'),
        count(*) FILTER (WHERE final_state = 'cancelled'), count(*) FILTER (WHERE final_state = 'dead')
    FROM done GROUP BY queue
)
SELECT count(*) FROM done
