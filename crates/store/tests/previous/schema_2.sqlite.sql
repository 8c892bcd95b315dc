-- The statements that programs of schema version 2 send to SQLite, as that release has them; its comments are left out.
-- They are never changed to suit a migration: one that does not suit them contracts, and comes a release later.

-- statement: cancel_running
UPDATE tasks SET cancel_requested = 1 WHERE id = ?1 AND state = 'running'

-- statement: claim
UPDATE OR FAIL tasks SET
    state = 'running',
    attempt = attempt + 1,
    lease = lease + 1,
    last_outcome = NULL,
    lease_expires_at = ?6,
    deadline_at = ?5 + timeout_ms * 1000,
    expires_at = CASE WHEN ?6 < ?5 + timeout_ms * 1000 THEN ?6 ELSE ?5 + timeout_ms * 1000 END,
    worker_id = ?4,
    started_at = ?5,
    progress = NULL
WHERE rowid IN (
    SELECT rowid FROM tasks INDEXED BY tasks_ready
    WHERE state = 'available' AND queue = ?1 AND kind = ?2
    ORDER BY priority, run_at, id
    LIMIT ?3
)

-- statement: claim_kind
SELECT kind FROM tasks INDEXED BY tasks_ready
WHERE state = 'available' AND queue = ?1 AND kind > ?2
ORDER BY kind
LIMIT 1

-- statement: claim_next
SELECT priority, run_at, id FROM tasks INDEXED BY tasks_ready
WHERE state = 'available' AND queue = ?1 AND kind = ?2
ORDER BY priority, run_at, id
LIMIT ?3

-- statement: claim_paused
SELECT paused FROM queues WHERE name = ?1

-- statement: claim_read
SELECT id, 'running', queue, kind, priority, run_at, attempt + 1, max_attempts, crashes, lease + 1, NULL,
    ?6, ?4, cancel_requested, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, ?5, tags, metadata, NULL AS progress, errors, payload,
    NULL AS result, NULL AS dead_reason, NULL AS finished_at, trace_context
FROM tasks INDEXED BY tasks_ready
WHERE state = 'available' AND queue = ?1 AND kind = ?2
ORDER BY priority, run_at, id
LIMIT ?3

-- statement: count
INSERT INTO queue_counts (queue, state, count) VALUES (?1, ?2, ?3)
ON CONFLICT (queue, state) DO UPDATE SET count = count + excluded.count

-- statement: counts
SELECT queue, state, count FROM queue_counts

-- statement: enqueue
INSERT INTO tasks (
    id, state, queue, kind, priority, run_at, max_attempts, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, tags, metadata, payload, trace_context
) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)

-- statement: exists
SELECT EXISTS (SELECT 1 FROM tasks WHERE id = ?1) OR EXISTS (SELECT 1 FROM history WHERE id = ?1)

-- statement: finish
INSERT OR FAIL INTO history (
    id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, finished_at, dead_reason,
    tags, metadata, progress, errors, result, payload, trace_context
)
SELECT
    id, ?4, queue, kind, priority, run_at, ?5, max_attempts, ?6, lease, ?7,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, ?11, ?10,
    tags, metadata, progress, coalesce(?8, errors), ?9, payload, trace_context
FROM tasks WHERE rowid = ?1 AND state = ?2 AND lease = ?3

-- statement: get_history
SELECT id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    NULL AS lease_expires_at, worker_id, cancel_requested, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, started_at, tags, metadata, progress, errors, payload,
    result, dead_reason, finished_at, trace_context
FROM history WHERE id = ?1

-- statement: get_tasks
SELECT id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    lease_expires_at, worker_id, cancel_requested, timeout_ms,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict,
    created_at, started_at, tags, metadata, progress, errors, payload,
    NULL AS result, NULL AS dead_reason, NULL AS finished_at, trace_context
FROM tasks WHERE id = ?1

-- statement: heartbeat
UPDATE OR FAIL tasks SET
    lease_expires_at = ?3,
    expires_at = CASE WHEN ?3 < deadline_at THEN ?3 ELSE deadline_at END,
    progress = coalesce(?4, progress)
WHERE rowid = ?1 AND state = 'running' AND lease = ?2

-- statement: heartbeat_held
SELECT rowid, cancel_requested FROM tasks WHERE id = ?1 AND state = 'running' AND lease = ?2

-- statement: idempotency_find
SELECT fingerprint, task_id FROM idempotency_keys
WHERE key = ?1 AND created_at > ?2
    AND (EXISTS (SELECT 1 FROM tasks WHERE id = task_id) OR EXISTS (SELECT 1 FROM history WHERE id = task_id))

-- statement: idempotency_remember
INSERT OR REPLACE INTO idempotency_keys (key, fingerprint, task_id, created_at) VALUES (?1, ?2, ?3, ?4)

-- statement: list_failed
SELECT id FROM (
    SELECT id, queue, kind, state, tags FROM history INDEXED BY history_failed
    WHERE state <> 'completed' AND id < ?1
    ORDER BY id DESC
    LIMIT ?2
)
WHERE (?3 IS NULL OR queue = ?3)
    AND (?4 IS NULL OR kind = ?4)
    AND (?5 IS NULL OR state = ?5)
    AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?6))
LIMIT ?7

-- statement: list_history
SELECT id FROM (
    SELECT id, queue, kind, state, tags FROM history
    WHERE id < ?1
    ORDER BY id DESC
    LIMIT ?2
)
WHERE (?3 IS NULL OR queue = ?3)
    AND (?4 IS NULL OR kind = ?4)
    AND (?5 IS NULL OR state = ?5)
    AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?6))
LIMIT ?7

-- statement: list_tasks
SELECT id FROM (
    SELECT id, queue, kind, state, tags FROM tasks
    WHERE id < ?1
    ORDER BY id DESC
    LIMIT ?2
)
WHERE (?3 IS NULL OR queue = ?3)
    AND (?4 IS NULL OR kind = ?4)
    AND (?5 IS NULL OR state = ?5)
    AND (?6 IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = ?6))
LIMIT ?7

-- statement: oldest_available
SELECT min((
    SELECT run_at FROM tasks INDEXED BY tasks_ready
    WHERE state = 'available' AND queue = ?1 AND kind = ?2 AND priority = level.value
    ORDER BY run_at
    LIMIT 1
))
FROM json_each('[1,2,3,4,5,6,7,8,9]') AS level

-- statement: promote
UPDATE tasks SET state = 'available'
WHERE id IN (
    SELECT id FROM tasks INDEXED BY tasks_due
    WHERE state = 'scheduled' AND run_at <= ?1
    ORDER BY run_at
    LIMIT ?2
)
RETURNING queue

-- statement: promote_next
SELECT min(run_at) FROM tasks INDEXED BY tasks_due WHERE state = 'scheduled'

-- statement: prune_history
DELETE FROM history
WHERE id IN (
    SELECT id FROM history INDEXED BY history_finished
    WHERE finished_at < ?1
    ORDER BY finished_at
    LIMIT ?2
)
RETURNING id

-- statement: prune_keys
DELETE FROM idempotency_keys
WHERE key IN (
    SELECT key FROM idempotency_keys INDEXED BY idempotency_keys_created
    WHERE created_at <= ?1
    ORDER BY created_at
    LIMIT ?2
)

-- statement: prune_keys_of
DELETE FROM idempotency_keys WHERE task_id = ?1

-- statement: prune_workers
DELETE FROM workers WHERE last_seen_at < ?1

-- statement: queues_paused
SELECT name, paused FROM queues

-- statement: record_workers
INSERT INTO workers (worker_id, queues, instance, last_seen_at) VALUES (?1, ?2, ?3, ?4)
ON CONFLICT (worker_id) DO UPDATE SET
    queues = excluded.queues, instance = excluded.instance, last_seen_at = excluded.last_seen_at
    WHERE excluded.last_seen_at >= last_seen_at

-- statement: reschedule
UPDATE OR FAIL tasks SET
    state = ?4,
    run_at = ?5,
    attempt = ?6,
    crashes = ?7,
    last_outcome = ?8,
    errors = coalesce(?9, errors),
    lease_expires_at = NULL,
    deadline_at = NULL,
    expires_at = NULL
WHERE rowid = ?1 AND state = ?2 AND lease = ?3

-- statement: rescue
SELECT id, state, queue, kind, attempt, max_attempts, crashes, lease, last_outcome, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL AS result,
    rowid, trace_context, deadline_at <= lease_expires_at AS timed_out, timeout_ms
FROM tasks INDEXED BY tasks_expiry
WHERE state = 'running' AND expires_at <= ?1
ORDER BY expires_at
LIMIT ?2

-- statement: rescue_next
SELECT min(expires_at) FROM tasks INDEXED BY tasks_expiry WHERE state = 'running'

-- statement: retry
INSERT INTO tasks (
    id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, tags, metadata, progress, errors, payload,
    trace_context
)
SELECT
    id, ?2, queue, kind, priority, ?3, ?4, max_attempts, ?5, ?6, ?7,
    worker_id, 0, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, tags, metadata, progress, errors, payload,
    trace_context
FROM history WHERE rowid = ?1 AND state = 'dead'

-- statement: retry_remove
DELETE FROM history WHERE rowid = ?1

-- statement: set_paused
INSERT INTO queues (name, paused, paused_at)
SELECT ?1, ?2, ?3 WHERE ?2 OR EXISTS (SELECT 1 FROM queues WHERE name = ?1)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, paused_at = excluded.paused_at
    WHERE paused <> excluded.paused

-- statement: status_history
SELECT id, state, queue, kind, attempt, max_attempts, crashes, lease, last_outcome, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, result,
    rowid, trace_context
FROM history WHERE id = ?1

-- statement: status_remove
DELETE FROM tasks WHERE rowid = ?1

-- statement: status_tasks
SELECT id, state, queue, kind, attempt, max_attempts, crashes, lease, last_outcome, cancel_requested,
    retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, worker_id, started_at, errors, NULL AS result,
    rowid, trace_context
FROM tasks WHERE id = ?1

-- statement: unique_holder
SELECT id FROM tasks INDEXED BY tasks_unique WHERE queue = ?1 AND kind = ?2 AND unique_key = ?3

-- statement: workers
SELECT worker_id, queues, instance, last_seen_at FROM workers

-- statement: workers_running
SELECT worker_id, id FROM tasks INDEXED BY tasks_expiry WHERE state = 'running' ORDER BY started_at, id
