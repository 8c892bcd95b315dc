-- Completes tasks: the report that nearly every task ends with, in one statement. Rows move from the hot
-- table to history; those that are not running under the reported lease are left alone, and looked at
-- afterwards by settle_lock.sql.
--
-- $1 ids, sorted   $2 leases   $3 results, or NULL
--
-- There is no join, so that there is one plan, by the primary key, whatever the planner believes of the
-- table (see connection.rs). The index is asked for the ids in their order, so two batches with the same
-- tasks lock them in the same order. width_bucket finds a task's report by bisection: ids are sorted.
-- LIKE instead of = keeps the partial indexes out.
WITH done AS (
    DELETE FROM tasks
    WHERE id = ANY ($1::uuid[]) AND state LIKE 'running'
        AND lease = ($2::bigint[])[width_bucket(id, $1::uuid[])]
    RETURNING tasks.*, ($3::text[])[width_bucket(id, $1::uuid[])] AS result
),
kept AS (
    INSERT INTO history (id, run_at, created_at, finished_at, lease, timeout_ms, retry_initial_ms,
        retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
        cancel_requested, state, queue, kind, payload, last_outcome, worker_id, unique_key,
        unique_on_conflict, tags, metadata, progress, errors, dead_reason, result, trace_context)
    SELECT id, run_at, created_at, now(), lease, timeout_ms, retry_initial_ms,
        retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
        cancel_requested, 'completed', queue, kind, payload, 'completed', worker_id, unique_key,
        unique_on_conflict, tags, metadata, progress, errors, NULL, result, trace_context
    FROM done
),
counted AS (
    INSERT INTO queue_counts (queue, running, completed)
    SELECT queue, -count(*), count(*) FROM done GROUP BY queue
)
SELECT id, queue, kind, attempt, started_at, now(), trace_context FROM done
