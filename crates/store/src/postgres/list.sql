-- A page of tasks, newest first. Answers tasks, and per table a row that says how far it was looked
-- through: only its first two columns mean something then, an id and the name of the table.
--
-- $1 only ids below this   $2 at most this many tasks   $3 look through at most this many rows of a table
-- $4 queue, or NULL   $5 state, or NULL   $6 kind, or NULL   $7 tag, or NULL
-- $8 whether to look at unfinished tasks   $9 at all finished ones   $10 at those not completed
--
-- One statement, so that a task on its way between the tables is in one of them. Conditions on parameters
-- alone are checked once, before their part begins. How far a part looked is found out only when it did
-- not fill the page.
WITH unfinished AS MATERIALIZED (
    SELECT *
    FROM (SELECT * FROM tasks WHERE id < $1 AND $8::boolean ORDER BY id DESC LIMIT $3::bigint) AS newest
    WHERE ($4::text IS NULL OR queue = $4) AND ($5::text IS NULL OR state = $5)
        AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR $7 = ANY (tags))
    ORDER BY id DESC
    LIMIT $2::bigint
),
finished AS MATERIALIZED (
    SELECT *
    FROM (SELECT * FROM history WHERE id < $1 AND $9::boolean ORDER BY id DESC LIMIT $3::bigint) AS newest
    WHERE ($4::text IS NULL OR queue = $4) AND ($5::text IS NULL OR state = $5)
        AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR $7 = ANY (tags))
    ORDER BY id DESC
    LIMIT $2::bigint
),
failed AS MATERIALIZED (
    SELECT *
    FROM (
        SELECT * FROM history WHERE id < $1 AND $10::boolean AND state <> 'completed'
        ORDER BY id DESC LIMIT $3::bigint
    ) AS newest
    WHERE ($4::text IS NULL OR queue = $4) AND ($5::text IS NULL OR state = $5)
        AND ($6::text IS NULL OR kind = $6) AND ($7::text IS NULL OR $7 = ANY (tags))
    ORDER BY id DESC
    LIMIT $2::bigint
)
SELECT id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, lease_expires_at, worker_id, progress, cancel_requested, errors,
    created_at, started_at, NULL AS result, NULL AS dead_reason, NULL::timestamptz AS finished_at,
    trace_context, false AS is_floor
FROM unfinished
UNION ALL
SELECT id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, NULL::timestamptz, worker_id, progress, cancel_requested, errors,
    created_at, started_at, result, dead_reason, finished_at, trace_context, false
FROM (SELECT * FROM finished UNION ALL SELECT * FROM failed) AS history
UNION ALL
SELECT id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, true
FROM (
    (SELECT id FROM tasks
    WHERE id < $1 AND $8::boolean AND (SELECT count(*) FROM unfinished) < $2
    ORDER BY id DESC OFFSET $3::bigint - 1 LIMIT 1)
    UNION ALL
    (SELECT id FROM history
    WHERE id < $1 AND $9::boolean AND (SELECT count(*) FROM finished) < $2
    ORDER BY id DESC OFFSET $3::bigint - 1 LIMIT 1)
    UNION ALL
    (SELECT id FROM history
    WHERE id < $1 AND $10::boolean AND state <> 'completed' AND (SELECT count(*) FROM failed) < $2
    ORDER BY id DESC OFFSET $3::bigint - 1 LIMIT 1)
) AS floors
