-- Creates tasks: one statement, so one round trip and one commit for a whole batch.
--
-- Tasks of a batch mostly differ in their payload only. What they share is sent once, as a shape, and each
-- task names its shape: a dozen arrays of a thousand equal texts would cost more than the insert.
--
-- $1 ids   $2 payloads   $3 the number of each task's shape, from 1
-- $4 run_at where a client named a moment (one that has passed means now)   $5 else delays in microseconds
-- $6 unique keys, or NULL   $7 tags as array literals, or NULL   $8 metadata, or NULL
-- $19 trace contexts, or NULL; an empty array when no task has one, which is the same and costs nothing
-- shapes: $9 kinds   $10 queues   $11 priorities   $12 timeouts   $13 attempts allowed
-- $14 to $17 retry: initial, factor, max, jitter   $18 what a second task with the unique key gets
--
-- Tasks come sorted by unique key: two batches that want the same keys then wait for each other in one
-- direction only. A key that is taken leaves its task out; the caller sees that in the answer.
WITH added AS (
    INSERT INTO tasks (id, run_at, created_at, timeout_ms, retry_initial_ms, retry_max_ms, retry_factor,
        retry_jitter, max_attempts, priority, state, queue, kind, payload, unique_key, unique_on_conflict,
        tags, metadata, trace_context)
    SELECT task.id, due.run_at, now(), ($12::bigint[])[task.shape], ($14::bigint[])[task.shape],
        ($16::bigint[])[task.shape], ($15::float8[])[task.shape], ($17::float8[])[task.shape],
        ($13::integer[])[task.shape], ($11::smallint[])[task.shape],
        CASE WHEN due.run_at <= now() THEN 'available' ELSE 'scheduled' END,
        ($10::text[])[task.shape], ($9::text[])[task.shape], task.payload, task.unique_key,
        ($18::text[])[task.shape], task.tags::text[], task.metadata, task.trace_context
    FROM unnest($1::uuid[], $2::text[], $3::integer[], $4::timestamptz[], $5::bigint[], $6::text[],
            $7::text[], $8::text[], $19::text[])
        AS task (id, payload, shape, at, delay, unique_key, tags, metadata, trace_context)
    CROSS JOIN LATERAL (
        SELECT greatest(now(), coalesce(task.at, now() + task.delay * interval '1 microsecond'))
    ) AS due (run_at)
    ON CONFLICT (queue, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING queue, state
),
counted AS (
    INSERT INTO queue_counts (queue, created, scheduled, available)
    SELECT queue, count(*), count(*) FILTER (WHERE state = 'scheduled'),
        count(*) FILTER (WHERE state = 'available')
    FROM added GROUP BY queue
)
SELECT count(*), now() FROM added
