//! Schemas expand first and contract a release later: what programs of an earlier schema do still works.
//!
//! A program that is older than a schema cannot be built here, but what it sends can be kept. Each script is what programs
//! of that schema version relied on, as it was when the next version came: tables, columns, what may be left
//! out, indexes that statements name. It must never be changed to suit a migration; a migration that does not suit it
//! is one that contracts, and comes a release later.

use taskward_store::check::Verdict;
use taskward_store::{CheckOptions, check};

use super::Fixture;

/// The life of two tasks as programs of schema version 1 write it: one is claimed, extended and completed, one fails and is
/// dead; a third waits. Then everything is read.
const FIRST_SQLITE: &str = "
INSERT INTO tasks (id, state, queue, kind, priority, run_at, max_attempts, timeout_ms, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, created_at, tags, metadata, payload)
VALUES (x'00000000000070008000000000000001', 'available', 'q', 'k', 5, 1, 2, 1000, 1000, 2.0, 1000, 0.1, 'u', 'reject', 1,
        '[\"t\"]', '{}', '1'),
    (x'00000000000070008000000000000002', 'available', 'q', 'k', 5, 1, 1, 1000, 1000, 2.0, 1000, 0.1, NULL, NULL, 1, NULL, NULL, '1'),
    (x'00000000000070008000000000000003', 'scheduled', 'q', 'k', 5, 9, 1, 1000, 1000, 2.0, 1000, 0.1, NULL, NULL, 1, NULL, NULL, '1');
INSERT INTO queue_counts (queue, state, count) VALUES ('q', 'created', 3), ('q', 'available', 2), ('q', 'scheduled', 1);
INSERT OR REPLACE INTO idempotency_keys (key, fingerprint, task_id, created_at)
VALUES ('key', zeroblob(32), x'00000000000070008000000000000001', 1);
UPDATE tasks INDEXED BY tasks_ready
SET state = 'running', attempt = attempt + 1, lease = lease + 1, last_outcome = NULL, lease_expires_at = 5,
    deadline_at = 6, expires_at = 5, worker_id = 'w', started_at = 2
WHERE state = 'available' AND queue = 'q' AND kind = 'k';
UPDATE tasks SET lease_expires_at = 6, expires_at = 6, progress = '0.5' WHERE state = 'running';
INSERT INTO history (id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, finished_at, dead_reason, tags, metadata, progress,
    errors, result, payload)
SELECT id, CASE WHEN unique_key IS NULL THEN 'dead' ELSE 'completed' END, queue, kind, priority, run_at, attempt,
    max_attempts, crashes, lease, CASE WHEN unique_key IS NULL THEN 'failed' ELSE 'completed' END,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter,
    unique_key, unique_on_conflict, created_at, started_at, 7,
    CASE WHEN unique_key IS NULL THEN 'attempts_exhausted' END, tags, metadata, progress, errors, NULL, payload
FROM tasks WHERE state = 'running';
DELETE FROM tasks WHERE state = 'running';
INSERT INTO queue_counts (queue, state, count) VALUES ('q', 'available', -2), ('q', 'completed', 1), ('q', 'dead', 1)
ON CONFLICT (queue, state) DO UPDATE SET count = count + excluded.count;
INSERT INTO queues (name, paused, paused_at) VALUES ('q', 1, 3);
INSERT INTO workers (worker_id, queues, instance, last_seen_at) VALUES ('w', '[\"q\"]', 'i', 3);
SELECT id FROM tasks INDEXED BY tasks_due WHERE state = 'scheduled' AND run_at <= 9;
SELECT id FROM tasks INDEXED BY tasks_expiry WHERE state = 'running' AND expires_at <= 9;
SELECT id FROM history INDEXED BY history_finished WHERE finished_at < 1;
SELECT id FROM history INDEXED BY history_failed WHERE state <> 'completed';
SELECT key FROM idempotency_keys INDEXED BY idempotency_keys_created WHERE created_at <= 0;
DELETE FROM idempotency_keys WHERE task_id = x'00';
SELECT name, paused, paused_at FROM queues;
SELECT worker_id, queues, instance, last_seen_at FROM workers;
";

/// The same in PostgreSQL.
const FIRST_POSTGRES: &str = "
INSERT INTO tasks (id, run_at, created_at, timeout_ms, retry_initial_ms, retry_max_ms, retry_factor,
    retry_jitter, max_attempts, priority, state, queue, kind, payload, unique_key, unique_on_conflict, tags, metadata)
VALUES ('00000000-0000-7000-8000-000000000001', now(), now(), 1000, 1000, 1000, 2, 0.1, 2, 5, 'available', 'q', 'k',
        '1', 'u', 'reject', '{t}', '{}'),
    ('00000000-0000-7000-8000-000000000002', now(), now(), 1000, 1000, 1000, 2, 0.1, 1, 5, 'available', 'q', 'k',
        '1', NULL, NULL, NULL, NULL),
    ('00000000-0000-7000-8000-000000000003', now(), now(), 1000, 1000, 1000, 2, 0.1, 1, 5, 'scheduled', 'q', 'k',
        '1', NULL, NULL, NULL, NULL)
ON CONFLICT (queue, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING;
INSERT INTO queue_counts (queue, created, scheduled, available) VALUES ('q', 3, 1, 2);
INSERT INTO idempotency_keys (key, fingerprint, task_id, created_at)
VALUES ('key', sha256('x'), '00000000-0000-7000-8000-000000000001', now());
UPDATE tasks
SET state = 'running', attempt = attempt + 1, lease = lease + 1, last_outcome = NULL,
    lease_expires_at = now() + interval '1 s', deadline_at = now() + interval '1 s',
    expires_at = now() + interval '1 s', worker_id = 'w', started_at = coalesce(started_at, now())
WHERE state = 'available' AND queue = 'q';
UPDATE tasks SET progress = '0.5' WHERE state = 'running';
WITH done AS (DELETE FROM tasks WHERE state = 'running' RETURNING tasks.*)
INSERT INTO history (id, run_at, created_at, finished_at, lease, timeout_ms, retry_initial_ms,
    retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
    cancel_requested, state, queue, kind, payload, last_outcome, worker_id, unique_key,
    unique_on_conflict, tags, metadata, progress, errors, dead_reason, result)
SELECT id, run_at, created_at, now(), lease, timeout_ms, retry_initial_ms,
    retry_max_ms, retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority,
    cancel_requested, CASE WHEN unique_key IS NULL THEN 'dead' ELSE 'completed' END, queue, kind, payload,
    CASE WHEN unique_key IS NULL THEN 'failed' ELSE 'completed' END, worker_id, unique_key, unique_on_conflict,
    tags, metadata, progress, errors, CASE WHEN unique_key IS NULL THEN 'attempts_exhausted' END, NULL
FROM done;
INSERT INTO queue_counts (queue, available, running, completed, cancelled, dead) VALUES ('q', -2, 0, 1, 0, 1);
INSERT INTO queues (name, paused) VALUES ('q', true)
ON CONFLICT (name) DO UPDATE SET paused = excluded.paused, changed_at = now();
INSERT INTO workers (last_seen_at, worker_id, instance, queues) VALUES (now(), 'w', 'i', '{q}')
ON CONFLICT (worker_id) DO UPDATE SET last_seen_at = excluded.last_seen_at;
SELECT id, finished_at FROM history WHERE state <> 'completed';
SELECT worker_id, queues, instance, last_seen_at FROM workers;
";

pub(crate) async fn what_the_first_schema_relied_on_is_there(fixture: Fixture) {
    let store = fixture.store().await;
    let is_sqlite = fixture.database.url().starts_with("sqlite:");
    fixture.database.execute(if is_sqlite { FIRST_SQLITE } else { FIRST_POSTGRES }).await;
    for one in check(&fixture.database.url(), CheckOptions::default()).await.expect("a check") {
        assert_eq!(one.verdict, Verdict::Holds, "{one:?}");
    }
    let queues = store.queues().await.expect("queues");
    assert_eq!((queues[0].scheduled, queues[0].completed, queues[0].dead), (1, 1, 1));
}

pub(crate) async fn the_release_before_can_work_on_the_newest_schema(fixture: Fixture) {
    let store = fixture.store().await;
    let status = store.migration_status().await.expect("status");
    let before = status.latest.saturating_sub(1).max(1);
    assert!(
        status.works_from <= before,
        "programs of schema version {before} would refuse to start: {status:?}"
    );
}

/// What a later release has applied to the database: it only adds, or it does not.
async fn later_release(fixture: &Fixture, works_from: u32) {
    let down = "DROP TABLE later";
    let checksum = fixture.database.bytes(&hex(&taskward_store::migrations::checksum(down)));
    let sql = format!(
        "CREATE TABLE later (c integer);
         INSERT INTO schema_migrations (version, name, checksum, applied_at, works_from, down_sql, down_checksum)
         SELECT 9999, '9999_later', checksum, applied_at, {works_from}, '{down}', {checksum}
         FROM schema_migrations WHERE version = 1"
    );
    fixture.database.execute(&sql).await;
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) async fn schema_that_was_only_added_to_is_worked_on(fixture: Fixture) {
    let store = fixture.store().await;
    let latest = store.migration_status().await.expect("status").latest;
    later_release(&fixture, latest).await;
    store.check_schema().await.expect("good enough");
    assert!(store.migrate_up(None).await.expect("nothing to do").is_empty());
    let plan = store.migration_plan(Some(latest)).await.expect("a plan");
    assert_eq!((plan.from, plan.to, plan.steps.len(), plan.loses_data()), (9999, latest, 1, false));
    fixture.database.execute("INSERT INTO later VALUES (1)").await;
    assert!(store.migration_plan(Some(latest)).await.expect("a plan").loses_data());
}

pub(crate) async fn schema_of_a_later_release_goes_back_without_it(fixture: Fixture) {
    let store = fixture.store().await;
    let latest = store.migration_status().await.expect("status").latest;
    later_release(&fixture, 9999).await;
    store.check_schema().await.expect_err("it did more than add");
    let reverted = store.migrate_down(latest).await.expect("down");
    assert_eq!(reverted.iter().map(|done| done.version).collect::<Vec<_>>(), [9999]);
    store.check_schema().await.expect("as it was");
    // It would be there if it had not been reverted.
    fixture.database.execute("CREATE TABLE later (c integer)").await;
}

pub(crate) async fn kept_text_that_was_changed_is_not_run(fixture: Fixture) {
    let store = fixture.store().await;
    let latest = store.migration_status().await.expect("status").latest;
    later_release(&fixture, 9999).await;
    fixture
        .database
        .execute("UPDATE schema_migrations SET down_sql = 'DROP TABLE tasks' WHERE version = 9999")
        .await;
    let refused = store.migrate_down(latest).await;
    assert!(
        matches!(refused, Err(taskward_store::StoreError::MigrationChanged { version: 9999, .. })),
        "{refused:?}"
    );
}

pub(crate) async fn records_of_an_older_build_are_completed(fixture: Fixture) {
    let store = fixture.store().await;
    for column in ["works_from", "down_checksum"] {
        fixture.database.execute(&format!("ALTER TABLE schema_migrations DROP COLUMN {column}")).await;
    }
    if fixture.database.url().starts_with("sqlite:") {
        fixture.database.execute("ALTER TABLE schema_migrations DROP COLUMN down_sql").await;
    }
    let status = store.migration_status().await.expect("status");
    assert_eq!(status.works_from, status.latest, "an older build did not say");
    store.check_schema().await.expect("the schema is current");
    store.migrate_up(None).await.expect("up");
    assert!(store.migration_status().await.expect("status").works_from <= status.latest);
    fixture.database.execute("UPDATE schema_migrations SET down_sql = 'x' WHERE down_checksum IS NULL").await;
    store.migrate_down(0).await.expect("down");
}
