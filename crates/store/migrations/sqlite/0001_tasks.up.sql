-- Tasks, their history, and what is kept beside them.
--
-- Times are microseconds since the Unix epoch, UTC. Ids are the 16 bytes of a UUIDv7: they sort by age.
-- Tables are STRICT, so that a wrong type is an error when it is written and not when it is read. CHECKs on
-- the big tables compare with OR and not with IN: for IN (…) of three values or more, SQLite builds a
-- temporary table each time the statement runs, which made all writes half as fast. Nor do CHECKs of `history`
-- call a function: see `finish.sql`.

-- Unfinished tasks. Finished ones are moved to `history`, so this table stays as small as the backlog.
--
-- An ordinary table with a hidden rowid, and the id in an index of its own: claims are a fifth faster than WITHOUT
-- ROWID, since the indexes lead to the row by a number and not by 16 bytes, and nothing else is slower. Columns
-- are ordered small and often read first, large last: what does not fit a page goes to overflow pages, which
-- statements that need only the first columns then never touch.
CREATE TABLE tasks (
    id BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    state TEXT NOT NULL CHECK (state = 'running' OR state = 'available' OR state = 'scheduled'),
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 9),
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),
    max_attempts INTEGER NOT NULL CHECK (max_attempts >= 1),
    crashes INTEGER NOT NULL DEFAULT 0 CHECK (crashes >= 0),
    lease INTEGER NOT NULL DEFAULT 0 CHECK (lease >= 0),
    last_outcome TEXT,
    lease_expires_at INTEGER,
    deadline_at INTEGER,
    -- The earlier of the two above, so that one index finds both kinds of lost attempts.
    expires_at INTEGER,
    worker_id TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested BETWEEN 0 AND 1),
    timeout_ms INTEGER NOT NULL CHECK (timeout_ms >= 0),
    retry_initial_ms INTEGER NOT NULL,
    retry_factor REAL NOT NULL,
    retry_max_ms INTEGER NOT NULL,
    retry_jitter REAL NOT NULL,
    unique_key TEXT,
    unique_on_conflict TEXT CHECK (unique_on_conflict = 'return_existing' OR unique_on_conflict = 'reject'),
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    tags TEXT,
    metadata TEXT,
    progress TEXT,
    errors TEXT NOT NULL DEFAULT '[]',
    payload TEXT NOT NULL,
    -- Exactly the running tasks hold a lease. Who held the latest one, and since when, is kept after it.
    CHECK ((state = 'running') = (lease_expires_at IS NOT NULL)),
    CHECK ((state = 'running') = (deadline_at IS NOT NULL)),
    CHECK ((state = 'running') = (expires_at IS NOT NULL)),
    CHECK (state <> 'running'
        OR (worker_id IS NOT NULL AND started_at IS NOT NULL AND lease > 0 AND last_outcome IS NULL)),
    CHECK ((unique_key IS NULL) = (unique_on_conflict IS NULL))
) STRICT;

-- The order of claims, within a kind: a claim for certain kinds must not read a backlog of others, and one for any
-- kind merges the few there are. Scheduled and running tasks are not in it, so that they cost a claim nothing.
CREATE INDEX tasks_ready ON tasks (queue, kind, priority, run_at, id) WHERE state = 'available';

-- What is due first, for promotion.
CREATE INDEX tasks_due ON tasks (run_at) WHERE state = 'scheduled';

-- Which lease or attempt ends first, for rescue; and the list of what is running.
CREATE INDEX tasks_expiry ON tasks (expires_at) WHERE state = 'running';

-- One unfinished task per queue, kind and key.
CREATE UNIQUE INDEX tasks_unique ON tasks (queue, kind, unique_key) WHERE unique_key IS NOT NULL;

-- Finished tasks, until they are pruned.
CREATE TABLE history (
    id BLOB NOT NULL PRIMARY KEY,
    state TEXT NOT NULL CHECK (state = 'completed' OR state = 'cancelled' OR state = 'dead'),
    queue TEXT NOT NULL,
    kind TEXT NOT NULL,
    priority INTEGER NOT NULL,
    run_at INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    max_attempts INTEGER NOT NULL,
    crashes INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    last_outcome TEXT,
    worker_id TEXT,
    cancel_requested INTEGER NOT NULL,
    timeout_ms INTEGER NOT NULL,
    retry_initial_ms INTEGER NOT NULL,
    retry_factor REAL NOT NULL,
    retry_max_ms INTEGER NOT NULL,
    retry_jitter REAL NOT NULL,
    unique_key TEXT,
    unique_on_conflict TEXT,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    finished_at INTEGER NOT NULL,
    dead_reason TEXT CHECK (
        dead_reason = 'attempts_exhausted' OR dead_reason = 'not_retryable' OR dead_reason = 'crash_loop'
    ),
    tags TEXT,
    metadata TEXT,
    progress TEXT,
    errors TEXT NOT NULL,
    result TEXT,
    payload TEXT NOT NULL,
    CHECK ((state = 'dead') = (dead_reason IS NOT NULL)),
    CHECK (result IS NULL OR state = 'completed')
) STRICT;

-- For pruning.
CREATE INDEX history_finished ON history (finished_at);

-- What an operator looks for among very many completed tasks.
CREATE INDEX history_failed ON history (id) WHERE state <> 'completed';

-- What an operator decided about a queue. A queue need not be here to be used.
CREATE TABLE queues (
    name TEXT NOT NULL PRIMARY KEY,
    paused INTEGER NOT NULL DEFAULT 0 CHECK (paused IN (0, 1)),
    paused_at INTEGER
) STRICT, WITHOUT ROWID;

-- Counters, kept in the transaction that moves the tasks, so that nothing ever counts tasks. For unfinished
-- states how many there are; for finished ones, and for `created`, how many there have been.
CREATE TABLE queue_counts (
    queue TEXT NOT NULL,
    state TEXT NOT NULL
        CHECK (state IN ('created', 'scheduled', 'available', 'running', 'completed', 'cancelled', 'dead')),
    count INTEGER NOT NULL,
    PRIMARY KEY (queue, state)
) STRICT, WITHOUT ROWID;

-- Requests to be recognised when they come again.
CREATE TABLE idempotency_keys (
    key TEXT NOT NULL PRIMARY KEY,
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    task_id BLOB NOT NULL,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- For pruning: by age, and with the task they stand for.
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_task ON idempotency_keys (task_id);

-- Who asked for tasks, and when last.
CREATE TABLE workers (
    worker_id TEXT NOT NULL PRIMARY KEY,
    queues TEXT NOT NULL,
    instance TEXT NOT NULL,
    last_seen_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
