-- Tasks, their history, and what is kept beside them.
--
-- Times are timestamptz and come from the database's clock. JSON is kept as text, verbatim: jsonb would
-- parse every payload on its way in and print it on its way out, and would not give back what was sent
-- (order of keys, long numbers, duplicate keys).

-- Unfinished tasks. Finished ones are moved to `history`, so this table stays as small as the backlog.
--
-- Columns are ordered by alignment, wide ones first, so that no row carries padding.
CREATE TABLE tasks (
    id uuid NOT NULL,
    run_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    lease bigint NOT NULL DEFAULT 0,
    timeout_ms bigint NOT NULL,
    retry_initial_ms bigint NOT NULL,
    retry_max_ms bigint NOT NULL,
    retry_factor double precision NOT NULL,
    retry_jitter double precision NOT NULL,
    started_at timestamptz,
    lease_expires_at timestamptz,
    deadline_at timestamptz,
    -- The earlier of the two above, so that one index finds both kinds of lost attempts.
    expires_at timestamptz,
    attempt integer NOT NULL DEFAULT 0,
    max_attempts integer NOT NULL,
    crashes integer NOT NULL DEFAULT 0,
    priority smallint NOT NULL,
    cancel_requested boolean NOT NULL DEFAULT false,
    state text NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    payload text NOT NULL,
    last_outcome text,
    worker_id text,
    unique_key text,
    unique_on_conflict text,
    tags text[],
    metadata text,
    progress text,
    -- A JSON array of the failed attempts' errors; NULL for none, which is what nearly every row has.
    errors text,
    CONSTRAINT tasks_pkey PRIMARY KEY (id),
    CONSTRAINT tasks_state CHECK (state IN ('scheduled', 'available', 'running')),
    CONSTRAINT tasks_priority CHECK (priority BETWEEN 1 AND 9),
    CONSTRAINT tasks_unique_policy CHECK ((unique_key IS NULL) = (unique_on_conflict IS NULL)),
    -- Exactly the running tasks hold a lease. Who held the latest one, and since when, is kept after it.
    CONSTRAINT tasks_running CHECK (
        CASE WHEN state = 'running'
            THEN lease > 0 AND last_outcome IS NULL AND expires_at IS NOT NULL
                AND lease_expires_at IS NOT NULL AND deadline_at IS NOT NULL
                AND worker_id IS NOT NULL AND started_at IS NOT NULL
            ELSE expires_at IS NULL AND lease_expires_at IS NULL AND deadline_at IS NULL
        END)
) WITH (
    -- A claim writes a new version of the row. With room for it on the same page, the log record holds
    -- only what changed, not the payload again, and no second page is touched.
    fillfactor = 60,
    -- Every task leaves two dead rows behind, so the table is dead weight within seconds of a drain.
    -- Vacuum early, by number and not by share, and without pauses: the table is small unless there is a
    -- backlog, and a claim has to step over what was not removed.
    autovacuum_vacuum_threshold = 5000,
    autovacuum_vacuum_scale_factor = 0.02,
    autovacuum_vacuum_cost_delay = 0,
    -- The plans do not depend on statistics (see connection.rs); gathering them often would be for nothing.
    autovacuum_analyze_threshold = 50000,
    autovacuum_analyze_scale_factor = 0.5
);

-- The order of claims. Scheduled and running tasks are not in it, so that they cost a claim nothing.
CREATE INDEX tasks_ready ON tasks (queue, priority, run_at, id) WHERE state = 'available';

-- What is due first, for promotion.
CREATE INDEX tasks_due ON tasks (run_at) WHERE state = 'scheduled';

-- Which lease or attempt ends first, for rescue; and the list of what is running.
CREATE INDEX tasks_expiry ON tasks (expires_at) WHERE state = 'running';

-- One unfinished task per queue, kind and key.
CREATE UNIQUE INDEX tasks_unique ON tasks (queue, kind, unique_key) WHERE unique_key IS NOT NULL;

-- Finished tasks, until they are pruned.
--
-- Partitioned by id, which is by time of creation, since ids are UUIDv7: a lookup by id touches one
-- partition, and pruning drops partitions instead of deleting rows. Partitions are one day wide and are
-- made ahead of time by the program (partitions.rs); what fits none of them is in `history_default`.
CREATE TABLE history (
    id uuid NOT NULL,
    run_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    lease bigint NOT NULL,
    timeout_ms bigint NOT NULL,
    retry_initial_ms bigint NOT NULL,
    retry_max_ms bigint NOT NULL,
    retry_factor double precision NOT NULL,
    retry_jitter double precision NOT NULL,
    started_at timestamptz,
    attempt integer NOT NULL,
    max_attempts integer NOT NULL,
    crashes integer NOT NULL,
    priority smallint NOT NULL,
    cancel_requested boolean NOT NULL,
    state text NOT NULL,
    queue text NOT NULL,
    kind text NOT NULL,
    payload text NOT NULL,
    last_outcome text,
    worker_id text,
    unique_key text,
    unique_on_conflict text,
    tags text[],
    metadata text,
    progress text,
    errors text,
    dead_reason text,
    result text,
    CONSTRAINT history_pkey PRIMARY KEY (id),
    CONSTRAINT history_state CHECK (state IN ('completed', 'cancelled', 'dead')),
    CONSTRAINT history_dead CHECK ((state = 'dead') = (dead_reason IS NOT NULL))
) PARTITION BY RANGE (id);

-- What an operator looks for among very many completed tasks.
CREATE INDEX history_failed ON history (id) WHERE state <> 'completed';

-- For pruning: does this partition hold anything that finished after the cutoff? Rows arrive in the order
-- they finish, so a block range index answers that, at next to no cost for each row.
CREATE INDEX history_finished ON history USING brin (finished_at) WITH (pages_per_range = 64);

CREATE TABLE history_default PARTITION OF history DEFAULT;

-- What an operator decided about a queue. A queue need not be here to be used.
CREATE TABLE queues (
    name text NOT NULL,
    paused boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT queues_pkey PRIMARY KEY (name)
);

-- Counters, so that nothing ever counts tasks. Each statement that moves tasks appends a row per queue with
-- what it changed; readers sum, and a maintenance round folds many rows into one. A row per queue that is
-- updated in place would make every two batches wait for each other.
--
-- There is no index: the table is read as a whole.
CREATE TABLE queue_counts (
    created bigint NOT NULL DEFAULT 0,
    scheduled bigint NOT NULL DEFAULT 0,
    available bigint NOT NULL DEFAULT 0,
    running bigint NOT NULL DEFAULT 0,
    completed bigint NOT NULL DEFAULT 0,
    cancelled bigint NOT NULL DEFAULT 0,
    dead bigint NOT NULL DEFAULT 0,
    queue text NOT NULL
) WITH (
    autovacuum_vacuum_threshold = 1000,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_cost_delay = 0
);

-- Requests to be recognised when they come again.
CREATE TABLE idempotency_keys (
    created_at timestamptz NOT NULL,
    task_id uuid NOT NULL,
    key text NOT NULL,
    fingerprint bytea NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (key),
    CONSTRAINT idempotency_keys_fingerprint CHECK (octet_length(fingerprint) = 32)
);

-- For pruning.
CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);

-- Who asked for tasks, and when last.
CREATE TABLE workers (
    last_seen_at timestamptz NOT NULL,
    worker_id text NOT NULL,
    instance text NOT NULL,
    queues text[] NOT NULL,
    CONSTRAINT workers_pkey PRIMARY KEY (worker_id)
) WITH (
    -- Rows are only ever updated, in columns without an index: leave room for that on the page.
    fillfactor = 50
);
