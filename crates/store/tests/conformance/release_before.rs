//! The release before works on this schema: every statement it sends is understood, and what it writes is sound.
//!
//! Its statements are kept as it has them, in `tests/previous`: a file for each database. A migration makes the release
//! before another one; then its statements are added, from the release's own files.

use taskward_core::TaskState;
use taskward_store::check::Verdict;
use taskward_store::{CheckOptions, PageRequest, TaskFilter, check};

use super::Fixture;

/// The schema version of the release before.
const VERSION: u32 = 2;
const SQLITE: &str = include_str!("../previous/schema_2.sqlite.sql");
const POSTGRES: &str = include_str!("../previous/schema_2.postgres.sql");

/// A task that belongs to a trace, created, claimed and completed as that release does it; another one waits.
const LIFE_SQLITE: &str = "
INSERT INTO tasks (id, state, queue, kind, priority, run_at, max_attempts, timeout_ms, retry_initial_ms,
    retry_factor, retry_max_ms, retry_jitter, created_at, trace_context, payload)
VALUES (x'00000000000070008000000000000001', 'available', 'q', 'k', 5, 1, 2, 1000, 1000, 2.0, 1000, 0.1, 1, '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '1'),
    (x'00000000000070008000000000000002', 'available', 'q', 'k', 5, 2, 1, 1000, 1000, 2.0, 1000, 0.1, 1, NULL, '2');
INSERT INTO queue_counts (queue, state, count) VALUES ('q', 'created', 2), ('q', 'available', 2);
UPDATE tasks SET state = 'running', attempt = 1, lease = lease + 1, lease_expires_at = 5, deadline_at = 6, expires_at = 5,
    worker_id = 'w', started_at = 2
WHERE rowid IN (SELECT rowid FROM tasks INDEXED BY tasks_ready WHERE state = 'available' AND queue = 'q' AND kind = 'k'
    ORDER BY priority, run_at, id LIMIT 1);
INSERT INTO history (id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, last_outcome,
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, created_at,
    started_at, finished_at, errors, trace_context, payload)
SELECT id, 'completed', queue, kind, priority, run_at, attempt, max_attempts, crashes, lease, 'completed',
    worker_id, cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, created_at,
    started_at, 7, errors, trace_context, payload
FROM tasks WHERE state = 'running';
DELETE FROM tasks WHERE state = 'running';
INSERT INTO queue_counts (queue, state, count) VALUES ('q', 'available', -1), ('q', 'completed', 1)
ON CONFLICT (queue, state) DO UPDATE SET count = count + excluded.count;
";

/// The same in PostgreSQL.
const LIFE_POSTGRES: &str = "
INSERT INTO tasks (id, run_at, created_at, timeout_ms, retry_initial_ms, retry_max_ms, retry_factor,
    retry_jitter, max_attempts, priority, state, queue, kind, payload, trace_context)
VALUES ('00000000-0000-7000-8000-000000000001', now(), now(), 1000, 1000, 1000, 2, 0.1, 2, 5, 'available', 'q', 'k',
        '1', '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'),
    ('00000000-0000-7000-8000-000000000002', now() + interval '1 ms', now(), 1000, 1000, 1000, 2, 0.1, 1, 5,
        'available', 'q', 'k', '2', NULL);
INSERT INTO queue_counts (queue, created, available) VALUES ('q', 2, 2);
UPDATE tasks SET state = 'running', attempt = 1, lease = lease + 1, lease_expires_at = now() + interval '1 s',
    deadline_at = now() + interval '1 s', expires_at = now() + interval '1 s', worker_id = 'w', started_at = now()
WHERE ctid = ANY (ARRAY (SELECT ctid FROM tasks WHERE state = 'available' AND queue = 'q' ORDER BY run_at, id LIMIT 1
    FOR UPDATE SKIP LOCKED));
WITH done AS (DELETE FROM tasks WHERE state = 'running' RETURNING tasks.*)
INSERT INTO history (id, run_at, created_at, finished_at, lease, timeout_ms, retry_initial_ms, retry_max_ms,
    retry_factor, retry_jitter, started_at, attempt, max_attempts, crashes, priority, cancel_requested, state, queue, kind,
    payload, last_outcome, worker_id, trace_context)
SELECT id, run_at, created_at, now(), lease, timeout_ms, retry_initial_ms, retry_max_ms, retry_factor, retry_jitter,
    started_at, attempt, max_attempts, crashes, priority, cancel_requested, 'completed', queue, kind, payload, 'completed',
    worker_id, trace_context
FROM done;
INSERT INTO queue_counts (queue, available, completed) VALUES ('q', -1, 1);
";

fn is_sqlite(fixture: &Fixture) -> bool {
    fixture.database.url().starts_with("sqlite:")
}

/// Names and texts.
fn statements(file: &str) -> Vec<(&str, &str)> {
    let parts = file.split("-- statement: ").skip(1);
    parts.map(|part| part.split_once('\n').expect("a name and a text")).collect()
}

pub(crate) async fn its_statements_are_the_ones_kept(fixture: Fixture) {
    let status = fixture.store().await.migration_status().await.expect("status");
    assert_eq!(status.latest, VERSION + 1, "add the statements of schema version {} here", status.latest - 1);
    assert!(status.works_from <= VERSION, "a program of schema version {VERSION} would refuse to start");
}

pub(crate) async fn its_statements_are_understood(fixture: Fixture) {
    drop(fixture.store().await);
    // Parameters have no values: what is asked is whether there is what they name, of these types.
    let (file, verb) = if is_sqlite(&fixture) { (SQLITE, "EXPLAIN") } else { (POSTGRES, "PREPARE") };
    let statements = statements(file);
    assert!(statements.len() > 20, "{}", statements.len());
    let understood = statements.iter().map(|(name, text)| match verb {
        "PREPARE" => format!("PREPARE {name} AS {text};\n"),
        explain => format!("{explain} {text};\n"),
    });
    fixture.database.execute(&understood.collect::<String>()).await;
}

pub(crate) async fn what_it_writes_is_sound(fixture: Fixture) {
    let store = fixture.store().await;
    fixture.database.execute(if is_sqlite(&fixture) { LIFE_SQLITE } else { LIFE_POSTGRES }).await;
    for one in check(&fixture.database.url(), CheckOptions::default()).await.expect("a check") {
        assert_eq!(one.verdict, Verdict::Holds, "{one:?}");
    }
    let page = PageRequest { limit: 10, before: None };
    let tasks = store.list(TaskFilter::default(), page).await.expect("listed").tasks;
    let mut states: Vec<TaskState> = tasks.iter().map(|task| task.state).collect();
    states.sort_unstable_by_key(|state| state.as_str());
    assert_eq!(states, [TaskState::Available, TaskState::Completed]);
}
