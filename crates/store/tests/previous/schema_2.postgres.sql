-- The statements that programs of schema version 2 send to PostgreSQL, as that release has them; its comments are left out.
-- They are never changed to suit a migration: one that does not suit them contracts, and comes a release later.

-- statement: cancel
UPDATE tasks SET cancel_requested = true WHERE id = ANY ($1::uuid[]) AND state LIKE 'running'

-- statement: claim_one
WITH picked AS MATERIALIZED (
    SELECT task.ctid, wanted.queue
    FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::uuid[])
        AS wanted (queue, priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT tasks.ctid
        FROM tasks
        WHERE tasks.state = 'available'
            AND tasks.queue = wanted.queue
            AND tasks.priority = wanted.priority
            AND (tasks.run_at, tasks.id) >= (wanted.run_at, wanted.id)
            AND ($5::text[] IS NULL OR tasks.kind = ANY ($5::text[]))
        ORDER BY tasks.run_at, tasks.id
        LIMIT $6::bigint
        FOR UPDATE SKIP LOCKED
    ) AS task
    WHERE wanted.queue <> ALL (ARRAY (SELECT queues.name FROM queues WHERE queues.paused))
    LIMIT $6::bigint
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM picked GROUP BY queue
)
UPDATE tasks SET
    state = 'running',
    lease = lease + 1,
    attempt = attempt + 1,
    worker_id = $7,
    started_at = now(),
    lease_expires_at = now() + $8::bigint * interval '1 microsecond',
    deadline_at = now() + timeout_ms * interval '1 millisecond',
    expires_at = now()
        + least($8::bigint * interval '1 microsecond', timeout_ms * interval '1 millisecond'),
    last_outcome = NULL,
    progress = NULL
WHERE ctid = ANY (ARRAY (SELECT ctid FROM picked)) AND state LIKE 'available'
RETURNING id, kind, queue, payload, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, cancel_requested, errors, created_at, started_at, trace_context, 0::bigint

-- statement: claim_shared
WITH picked AS MATERIALIZED (
    SELECT task.ctid, wanted.queue
    FROM unnest($1::text[], $2::smallint[], $3::timestamptz[], $4::uuid[])
        AS wanted (queue, priority, run_at, id)
    CROSS JOIN LATERAL (
        SELECT tasks.ctid
        FROM tasks
        WHERE tasks.state = 'available'
            AND tasks.queue = wanted.queue
            AND tasks.priority = wanted.priority
            AND (tasks.run_at, tasks.id) >= (wanted.run_at, wanted.id)
            AND ($5::text[] IS NULL OR tasks.kind = ANY ($5::text[]))
        ORDER BY tasks.run_at, tasks.id
        LIMIT $6::bigint
        FOR UPDATE SKIP LOCKED
    ) AS task
    WHERE wanted.queue <> ALL (ARRAY (SELECT queues.name FROM queues WHERE queues.paused))
    LIMIT $6::bigint
),
counted AS (
    INSERT INTO queue_counts (queue, available, running)
    SELECT queue, -count(*), count(*) FROM picked GROUP BY queue
)
UPDATE tasks SET
    state = 'running',
    lease = lease + 1,
    attempt = attempt + 1,
    worker_id = ($7::text[])[width_bucket(shared.place, $9::bigint[])],
    started_at = now(),
    lease_expires_at = now()
        + ($8::bigint[])[width_bucket(shared.place, $9::bigint[])] * interval '1 microsecond',
    deadline_at = now() + timeout_ms * interval '1 millisecond',
    expires_at = now() + least(
        ($8::bigint[])[width_bucket(shared.place, $9::bigint[])] * interval '1 microsecond',
        timeout_ms * interval '1 millisecond'),
    last_outcome = NULL,
    progress = NULL
FROM (SELECT ctid, row_number() OVER () - 1 AS place FROM picked) AS shared
WHERE tasks.ctid = shared.ctid AND state LIKE 'available'
RETURNING id, kind, queue, payload, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, cancel_requested, errors, created_at, started_at, trace_context, place

-- statement: enqueue
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

-- statement: enqueue_drop_keys
DELETE FROM idempotency_keys WHERE key = ANY ($1::text[])

-- statement: enqueue_holders
SELECT id, task.kind, task.queue, payload, state, priority, run_at, timeout_ms, max_attempts,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, task.unique_key, unique_on_conflict, tags,
    metadata, attempt, crashes, lease, last_outcome, lease_expires_at, worker_id, progress,
    cancel_requested, errors, created_at, started_at, NULL::text, NULL::text, NULL::timestamptz,
    trace_context
FROM unnest($1::text[], $2::text[], $3::text[]) AS wanted (queue, kind, unique_key)
CROSS JOIN LATERAL (
    SELECT *
    FROM tasks
    WHERE tasks.queue = wanted.queue AND tasks.kind = wanted.kind
        AND tasks.unique_key = wanted.unique_key AND tasks.unique_key IS NOT NULL
    LIMIT 1
) AS task

-- statement: enqueue_keep_keys
UPDATE idempotency_keys SET fingerprint = kept.fingerprint, task_id = kept.task_id, created_at = now()
FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS kept (key, fingerprint, task_id)
WHERE idempotency_keys.key = kept.key

-- statement: enqueue_keys
INSERT INTO idempotency_keys (key, fingerprint, task_id, created_at)
SELECT key, fingerprint, task_id, now()
FROM unnest($1::text[], $2::bytea[], $3::uuid[]) AS request (key, fingerprint, task_id)
ON CONFLICT (key) DO UPDATE SET key = excluded.key
RETURNING key, fingerprint, task_id, xmax = 0, created_at > now() - $4::bigint * interval '1 microsecond'

-- statement: exists
SELECT wanted.id
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (
    SELECT 1 FROM (
        (SELECT FROM tasks WHERE tasks.id = wanted.id LIMIT 1)
        UNION ALL
        (SELECT FROM history WHERE history.id = wanted.id LIMIT 1)
    ) AS stored
    LIMIT 1
) AS found

-- statement: find_idempotent
SELECT fingerprint, task_id
FROM idempotency_keys
CROSS JOIN LATERAL (
    SELECT 1 FROM (
        (SELECT FROM tasks WHERE tasks.id = idempotency_keys.task_id LIMIT 1)
        UNION ALL
        (SELECT FROM history WHERE history.id = idempotency_keys.task_id LIMIT 1)
    ) AS stored
    LIMIT 1
) AS found
WHERE key = $1 AND created_at > now() - $2::bigint * interval '1 microsecond'

-- statement: get
SELECT task.id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, lease_expires_at, worker_id, progress, cancel_requested, errors,
    created_at, started_at, NULL AS result, NULL AS dead_reason, NULL::timestamptz AS finished_at,
    trace_context
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM tasks WHERE tasks.id = wanted.id LIMIT 1) AS task
UNION ALL
SELECT task.id, kind, queue, payload, state, priority, run_at, timeout_ms, max_attempts, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, tags, metadata, attempt,
    crashes, lease, last_outcome, NULL::timestamptz, worker_id, progress, cancel_requested, errors,
    created_at, started_at, result, dead_reason, finished_at, trace_context
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE history.id = wanted.id LIMIT 1) AS task

-- statement: heartbeat
UPDATE tasks SET
    lease_expires_at = now() + ($3::bigint[])[width_bucket(id, $1::uuid[])] * interval '1 microsecond',
    expires_at = least(
        now() + ($3::bigint[])[width_bucket(id, $1::uuid[])] * interval '1 microsecond', deadline_at),
    progress = coalesce(($4::text[])[width_bucket(id, $1::uuid[])], progress)
WHERE id = ANY ($1::uuid[]) AND state LIKE 'running'
    AND lease = ($2::bigint[])[width_bucket(id, $1::uuid[])]
RETURNING id, lease, cancel_requested, now()

-- statement: list
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

-- statement: move_back
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

-- statement: move_finish
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

-- statement: promote
WITH due AS MATERIALIZED (
    SELECT ctid
    FROM tasks
    WHERE state = 'scheduled' AND run_at <= now()
    ORDER BY run_at
    LIMIT $1::bigint
    FOR UPDATE SKIP LOCKED
),
promoted AS (
    UPDATE tasks SET state = 'available'
    FROM due
    WHERE tasks.ctid = due.ctid AND tasks.state LIKE 'scheduled'
    RETURNING tasks.queue
),
by_queue AS (
    SELECT queue, count(*) AS count FROM promoted GROUP BY queue
),
counted AS (
    INSERT INTO queue_counts (queue, scheduled, available) SELECT queue, -count, count FROM by_queue
)
SELECT coalesce(sum(count), 0)::bigint, coalesce(array_agg(queue), '{}'),
    (SELECT run_at FROM tasks WHERE state = 'scheduled' AND run_at > now() ORDER BY run_at LIMIT 1),
    now()
FROM by_queue

-- statement: prune_keys
WITH removed AS (
    DELETE FROM idempotency_keys
    WHERE key = ANY (ARRAY (
        SELECT key FROM idempotency_keys
        WHERE created_at < now() - $1::bigint * interval '1 microsecond'
        ORDER BY created_at
        LIMIT $2::bigint
        FOR UPDATE SKIP LOCKED
    ))
    RETURNING key
)
SELECT count(*) FROM removed

-- statement: prune_workers
DELETE FROM workers
WHERE worker_id = ANY (ARRAY (
    SELECT worker_id FROM workers
    WHERE last_seen_at < now() - $1::bigint * interval '1 microsecond'
    LIMIT $2::bigint
    FOR UPDATE SKIP LOCKED
))

-- statement: queues
SELECT coalesce(counts.queue, queues.name) AS name, coalesce(queues.paused, false),
    coalesce(counts.scheduled, 0)::bigint, coalesce(counts.available, 0)::bigint,
    coalesce(counts.running, 0)::bigint, coalesce(counts.completed, 0)::bigint,
    coalesce(counts.cancelled, 0)::bigint, coalesce(counts.dead, 0)::bigint,
    coalesce(counts.created, 0)::bigint, oldest.run_at, now()
FROM (
    SELECT queue, sum(created) AS created, sum(scheduled) AS scheduled, sum(available) AS available,
        sum(running) AS running, sum(completed) AS completed, sum(cancelled) AS cancelled, sum(dead) AS dead
    FROM queue_counts
    GROUP BY queue
) AS counts
FULL JOIN queues ON queues.name = counts.queue
CROSS JOIN LATERAL (
    SELECT min(first.run_at) AS run_at
    FROM generate_series(1, 9) AS level (priority)
    CROSS JOIN LATERAL (
        SELECT run_at
        FROM tasks
        WHERE counts.available > 0 AND state = 'available' AND tasks.queue = counts.queue
            AND tasks.priority = level.priority::smallint
        ORDER BY run_at, id
        LIMIT 1
    ) AS first
) AS oldest
ORDER BY name

-- statement: record_workers
INSERT INTO workers (worker_id, instance, last_seen_at, queues)
SELECT worker_id, instance, now() - ago * interval '1 microsecond', queues::text[]
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[]) AS seen (worker_id, instance, ago, queues)
ON CONFLICT (worker_id) DO UPDATE SET
    instance = excluded.instance, last_seen_at = excluded.last_seen_at, queues = excluded.queues
    WHERE workers.last_seen_at <= excluded.last_seen_at

-- statement: rescue_lock
SELECT id, queue, kind, state, lease, last_outcome, attempt, max_attempts, crashes, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL::text,
    now(), trace_context, lease_expires_at, deadline_at
FROM tasks
WHERE state = 'running' AND expires_at <= now()
ORDER BY expires_at
LIMIT $1::bigint
FOR UPDATE SKIP LOCKED

-- statement: rescue_next
SELECT expires_at, now() FROM tasks WHERE state = 'running' ORDER BY expires_at LIMIT 1

-- statement: retry
WITH dead AS MATERIALIZED (
    SELECT finished.*
    FROM unnest($1::uuid[]) WITH ORDINALITY AS wanted (id, place)
    CROSS JOIN LATERAL (
        SELECT * FROM history WHERE history.id = wanted.id AND history.state = 'dead' LIMIT 1 FOR UPDATE
    ) AS finished
    ORDER BY finished.queue, finished.kind, finished.unique_key, wanted.place
),
revived AS (
    INSERT INTO tasks (id, run_at, created_at, lease, timeout_ms, retry_initial_ms, retry_max_ms,
        retry_factor, retry_jitter, started_at, max_attempts, priority, state, queue, kind, payload,
        worker_id, unique_key, unique_on_conflict, tags, metadata, errors, trace_context)
    SELECT id, now(), created_at, lease, timeout_ms, retry_initial_ms, retry_max_ms,
        retry_factor, retry_jitter, started_at, max_attempts, priority, 'available', queue, kind, payload,
        worker_id, unique_key, unique_on_conflict, tags, metadata, errors, trace_context
    FROM dead
    ON CONFLICT (queue, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING
    RETURNING id, queue
),
removed AS (
    DELETE FROM history WHERE id = ANY (ARRAY (SELECT revived.id FROM revived))
),
counted AS (
    INSERT INTO queue_counts (queue, dead, available)
    SELECT queue, -count(*), count(*) FROM revived GROUP BY queue
)
SELECT id FROM revived

-- statement: retry_holders
SELECT finished.id, holder.id
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE history.id = wanted.id LIMIT 1) AS finished
CROSS JOIN LATERAL (
    SELECT tasks.id
    FROM tasks
    WHERE tasks.queue = finished.queue AND tasks.kind = finished.kind
        AND tasks.unique_key = finished.unique_key AND tasks.unique_key IS NOT NULL
    LIMIT 1
) AS holder

-- statement: roll_up
WITH taken AS (
    DELETE FROM queue_counts
    WHERE ctid = ANY (ARRAY (SELECT ctid FROM queue_counts LIMIT $1::bigint FOR UPDATE SKIP LOCKED))
    RETURNING *
)
INSERT INTO queue_counts (queue, created, scheduled, available, running, completed, cancelled, dead)
SELECT queue, sum(created), sum(scheduled), sum(available), sum(running), sum(completed), sum(cancelled),
    sum(dead)
FROM taken
GROUP BY queue

-- statement: set_paused
INSERT INTO queues (name, paused)
SELECT $1, $2 WHERE $2 OR EXISTS (SELECT FROM queues WHERE name = $1)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, changed_at = now()
    WHERE queues.paused <> excluded.paused
RETURNING name

-- statement: settle_complete
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

-- statement: settle_finished
SELECT task.id, queue, kind, state, lease, last_outcome, attempt, max_attempts, crashes, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, result, now(),
    trace_context
FROM unnest($1::uuid[]) AS wanted (id)
CROSS JOIN LATERAL (SELECT * FROM history WHERE history.id = wanted.id LIMIT 1) AS task

-- statement: settle_lock
SELECT id, queue, kind, state, lease, last_outcome, attempt, max_attempts, crashes, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL::text,
    now(), trace_context
FROM tasks
WHERE id = ANY ($1::uuid[])
ORDER BY id
FOR UPDATE

-- statement: workers
WITH held AS (
    SELECT worker_id, (array_agg(id ORDER BY started_at, id))[:$3::integer] AS running
    FROM (
        SELECT worker_id, id, started_at FROM tasks WHERE state = 'running' ORDER BY expires_at LIMIT $2::bigint
    ) AS running
    GROUP BY worker_id
)
SELECT coalesce(workers.worker_id, held.worker_id) AS id, workers.queues, workers.instance,
    workers.last_seen_at, held.running
FROM workers
FULL JOIN held ON held.worker_id = workers.worker_id
WHERE held.worker_id IS NOT NULL OR workers.last_seen_at >= now() - $1::bigint * interval '1 microsecond'
ORDER BY id
