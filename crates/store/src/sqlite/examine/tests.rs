//! Files whose indexes do not say what their tables say, made by hiding an index while its table is changed.

use rusqlite::Connection;
use tempfile::TempDir;

use super::{examine, examine_quickly, texts};

/// A file with a few tasks, finished ones and keys.
struct File {
    _dir: TempDir,
    path: std::path::PathBuf,
}

impl File {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let file = Self { path: dir.path().join("t.db"), _dir: dir };
        file.execute(include_str!("../../../migrations/sqlite/0001_tasks.up.sql"));
        let rows: String = (0..300)
            .map(|n| format!(
                "INSERT INTO tasks (id, state, queue, kind, priority, run_at, max_attempts, timeout_ms, retry_initial_ms,
                     retry_factor, retry_max_ms, retry_jitter, unique_key, unique_on_conflict, created_at, payload)
                 VALUES (randomblob(16), iif({n} % 3, 'available', 'scheduled'), 'q', 'k' || {n} % 2, 5, {n}, 3, 1, 1, 2, 1, 0,
                     iif({n} % 2, 'u' || char(0) || {n}, NULL), iif({n} % 2, 'reject', NULL), 1, 'null');
                 INSERT INTO history (id, state, queue, kind, priority, run_at, attempt, max_attempts, crashes, lease,
                     cancel_requested, timeout_ms, retry_initial_ms, retry_factor, retry_max_ms, retry_jitter, created_at,
                     finished_at, errors, payload)
                 VALUES (randomblob(16), iif({n} % 5, 'completed', 'cancelled'), 'q', 'k', 5, {n}, 1, 3, 0, 1, 0, 1, 1, 2, 1, 0,
                     1, {n} / 2 - 9, '[]', 'null');
                 INSERT INTO idempotency_keys VALUES ('i{n}', randomblob(32), randomblob(16), {n});"
            ))
            .collect();
        file.execute(&format!("BEGIN; {rows} COMMIT"));
        file
    }

    fn execute(&self, sql: &str) {
        Connection::open(&self.path).and_then(|it| it.execute_batch(sql)).expect(sql);
    }

    /// Changes the table behind the back of an index.
    fn stale(&self, index: &str, sql: &str) {
        let hide = format!(
            "CREATE TABLE hidden AS SELECT * FROM sqlite_schema WHERE name = '{index}';
             PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = '{index}'"
        );
        self.execute(&hide);
        self.execute(sql);
        self.execute("PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM hidden");
        self.execute("DROP TABLE hidden");
    }

    /// Changes what an index says of itself.
    fn redefined(&self, index: &str, from: &str, to: &str) {
        self.execute(&format!(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, '{from}', '{to}') WHERE name = '{index}'"
        ));
    }

    fn sqlite_says(&self, check: &str) -> Vec<String> {
        let connection = Connection::open(&self.path).expect("opened");
        let mut said = texts(&connection, check).expect("checked");
        said.retain(|line| line != "ok");
        said
    }

    fn problems(&self) -> Vec<String> {
        examine(&self.path).expect("examined").problems
    }

    /// SQLite's integrity check finds it, its quick check does not, and it is said here.
    fn is_found(&self, problem: &str) {
        assert_eq!(self.sqlite_says("PRAGMA quick_check"), Vec::<String>::new());
        assert_ne!(self.sqlite_says("PRAGMA integrity_check"), Vec::<String>::new());
        let problems = self.problems();
        assert!(problems.iter().any(|found| found.contains(problem)), "{problems:?}");
    }
}

#[test]
fn a_sound_file_has_no_problems_and_is_counted() {
    let file = File::new();
    let (full, quick) = (examine(&file.path).expect("read"), examine_quickly(&file.path).expect("read"));
    assert_eq!(full, quick);
    assert_eq!(full.problems, Vec::<String>::new());
    let rows = |table: &str| full.census.tables[table];
    assert_eq!((rows("tasks"), rows("history"), rows("idempotency_keys")), (300, 300, 300));
    let states = ["available", "scheduled", "completed", "cancelled"].map(|state| full.census.states[state]);
    assert_eq!(states, [200, 100, 240, 60]);
}

#[test]
fn an_entry_of_another_value() {
    let file = File::new();
    file.stale("history_finished", "UPDATE history SET finished_at = finished_at + 1 WHERE run_at = 77");
    file.is_found("history_finished");
}

#[test]
fn entries_of_two_rows_that_changed_places() {
    let file = File::new();
    let swap = "UPDATE history SET finished_at = iif(run_at = 40, 71, 11) WHERE run_at IN (40, 160)";
    let before = "UPDATE history SET finished_at = iif(run_at = 40, 11, 71) WHERE run_at IN (40, 160)";
    file.execute(before);
    file.stale("history_finished", swap);
    file.is_found("history_finished");
}

#[test]
fn an_entry_that_is_missing_from_a_partial_index() {
    for (index, sql) in [
        ("tasks_ready", "UPDATE tasks SET state = 'available' WHERE run_at = 30"),
        ("tasks_unique", "UPDATE tasks SET unique_key = 'new' WHERE run_at = 31"),
        ("history_failed", "UPDATE history SET state = 'cancelled' WHERE run_at = 31"),
    ] {
        let file = File::new();
        file.stale(index, sql);
        file.is_found(index);
    }
}

#[test]
fn an_entry_too_many_in_a_partial_index_which_sqlite_does_not_find() {
    let file = File::new();
    file.stale("tasks_due", "UPDATE tasks SET state = 'available' WHERE run_at = 30");
    assert!(file.sqlite_says("PRAGMA integrity_check").iter().all(|said| !said.contains("tasks_due")));
    let problems = file.problems();
    assert!(problems.iter().any(|found| found.contains("tasks_due")), "{problems:?}");
}

#[test]
fn entries_in_another_order() {
    let file = File::new();
    file.execute("CREATE INDEX by_run_at ON history (run_at DESC)");
    file.redefined("by_run_at", " DESC", "");
    file.is_found("by_run_at is not in order");
}

#[test]
fn a_key_that_is_there_twice() {
    let file = File::new();
    file.execute("CREATE INDEX by_finished ON history (finished_at)");
    file.redefined("by_finished", "CREATE INDEX", "CREATE UNIQUE INDEX");
    file.is_found("non-unique entry in index by_finished");
}

#[test]
fn indexes_that_only_sqlite_can_compare() {
    for (index, columns) in [
        ("of_an_expression", "run_at + 1"),
        ("of_a_float", "retry_jitter, run_at"),
        ("descending", "run_at DESC"),
        ("without_case", "queue COLLATE NOCASE, run_at"),
    ] {
        let file = File::new();
        file.execute(&format!("CREATE INDEX {index} ON history ({columns})"));
        assert_eq!(file.problems(), Vec::<String>::new());
        file.stale(index, "UPDATE history SET run_at = 1000 WHERE run_at = 7");
        file.is_found(index);
    }
    let file = File::new();
    file.stale("idempotency_keys_created", "UPDATE idempotency_keys SET created_at = 1000 WHERE key = 'i7'");
    file.is_found("idempotency_keys_created");
}

#[test]
fn damage_within_pages() {
    let file = File::new();
    file.execute("PRAGMA writable_schema = ON; DELETE FROM sqlite_schema WHERE name = 'queues'");
    // Its page belongs to nothing now.
    assert_ne!(examine_quickly(&file.path).expect("read").problems, Vec::<String>::new());
    std::fs::write(&file.path, b"no database, and long enough to have a header of a hundred bytes".repeat(9))
        .expect("written");
    assert!(examine(&file.path).is_err());
}
