-- Completes tasks: the report that nearly every task ends with, in one statement. Rows move from the hot
-- table to history; those that are not running under the reported lease are left alone, and looked at
-- afterwards by settle_lock.sql.
--
-- $1 ids, sorted, so that two batches with the same tasks lock them in the same order
-- $2 leases   $3 results, or NULL
WITH done AS (
    DELETE FROM tasks
    USING unnest($1::uuid[], $2::bigint[], $3::text[]) AS report (id, lease, result)
    WHERE tasks.id = report.id AND tasks.state = 'running' AND tasks.lease = report.lease
    RETURNING tasks.*, report.result
),
kept AS (
    INSERT INTO history (id, run_at, created_at, finished_at, lease, timeout_ms, retry_initial_ms,
        retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
        cancel_requested, state, queue, kind, payload, last_outcome, worker_id, unique_key,
        unique_on_conflict, tags, metadata, progress, errors, dead_reason, result)
    SELECT id, run_at, created_at, now(), lease, timeout_ms, retry_initial_ms,
        retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
        cancel_requested, 'completed', queue, kind, payload, 'completed', worker_id, unique_key,
        unique_on_conflict, tags, metadata, progress, errors, NULL, result
    FROM done
),
counted AS (
    INSERT INTO queue_counts (queue, running, completed)
    SELECT queue, -count(*), count(*) FROM done GROUP BY queue
)
SELECT id, queue, kind, attempt, started_at, now() FROM done
