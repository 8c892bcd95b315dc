//! The SQLite store, through the suite that every store passes and through cases of its own.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use taskward_store::sqlite::SqliteStore;
use taskward_store::{Store, StoreOptions};
use tempfile::TempDir;

mod conformance;
mod model;

/// A database file in a directory of its own.
struct SqliteFile {
    directory: TempDir,
}

impl SqliteFile {
    fn path(&self) -> PathBuf {
        self.directory.path().join("data").join("taskward.db")
    }
}

#[async_trait]
impl conformance::Database for SqliteFile {
    async fn open(&self, options: StoreOptions) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(&self.path(), options).await.expect("the file can be opened"))
    }

    fn url(&self) -> String {
        format!("sqlite:{}", self.path().display())
    }

    async fn execute(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.path()).expect("the file can be opened");
        connection.execute_batch(sql).expect("the SQL runs");
    }
}

async fn fresh() -> Arc<dyn conformance::Database> {
    Arc::new(SqliteFile { directory: tempfile::tempdir().expect("a directory can be made") })
}

conformance::conformance_suite!(crate::fresh);
model::model_suite!(crate::fresh);

/// What only a file can do.
mod own {
    use std::os::unix::fs::PermissionsExt as _;
    use std::time::Duration;

    use taskward_core::{IdempotencyKey, NewTask, TaskState};
    use taskward_store::check::Verdict;
    use taskward_store::{
        CheckOptions, EnqueueMode, PageRequest, SettlementOutcome, StoreError, StoreOptions, TaskFilter,
        check,
    };

    use super::SqliteFile;
    use super::conformance::Database as _;
    use super::conformance::build::{
        HOUR, assert_counters, claim, claim_one, enqueue, get, list_all, settle, task,
    };

    fn file() -> SqliteFile {
        SqliteFile { directory: tempfile::tempdir().expect("a directory can be made") }
    }

    #[tokio::test]
    async fn file_is_made_with_its_directories_for_its_owner_only() {
        let file = file();
        let store = file.open(StoreOptions::default()).await;
        store.migrate_up(None).await.expect("up");
        enqueue(&*store, task()).await;
        for name in ["taskward.db", "taskward.db-wal", "taskward.db.lock"] {
            let path = file.path().with_file_name(name);
            let mode = std::fs::metadata(&path).expect(name).permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        store.close().await;
        assert!(!file.path().with_file_name("taskward.db-wal").exists(), "closing moves the log away");
    }

    /// Each commit adds two tasks: a copy with an odd number would be of no moment there ever was.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn copy_of_a_busy_database_is_one_moment_of_it() {
        let file = file();
        let store = file.open(StoreOptions::default()).await;
        store.migrate_up(None).await.expect("up");
        for _ in 0..50 {
            store.enqueue(vec![task(), task()], EnqueueMode::Atomic).await.expect("enqueue");
        }
        let writer = {
            let store = std::sync::Arc::clone(&store);
            tokio::spawn(async move {
                loop {
                    store.enqueue(vec![task(), task()], EnqueueMode::Atomic).await.expect("enqueue");
                }
            })
        };
        for number in 0..5 {
            let to = file.path().with_file_name(format!("copy-{number}.db"));
            let mut done = 0;
            taskward_store::sqlite::copy(&file.path(), &to, &mut || (), &mut |bytes, _| done = bytes)
                .expect("copied");
            let examined = taskward_store::sqlite::examine(&to).expect("examined");
            assert_eq!((examined.problems, examined.census.contradictions()), (Vec::new(), Vec::new()));
            let tasks = examined.census.tables["tasks"];
            assert!(tasks >= 100 && tasks.is_multiple_of(2), "{tasks}");
            assert_eq!(done, std::fs::metadata(&to).expect("a file").len());
            assert!(!to.with_extension("db-wal").exists(), "the copy stands alone");
        }
        writer.abort();
    }

    #[tokio::test]
    async fn what_is_no_database_is_refused() {
        let file = file();
        std::fs::create_dir_all(file.path().parent().expect("a parent")).expect("a directory");
        std::fs::write(file.path(), "this is not a database, and long enough to be seen").expect("write");
        let refused = super::SqliteStore::open(&file.path(), StoreOptions::default()).await;
        assert!(matches!(refused, Err(StoreError::Corrupt(_))), "{refused:?}");
        let directory = file.path().with_file_name("directory");
        std::fs::create_dir(&directory).expect("a directory");
        let refused = super::SqliteStore::open(&directory, StoreOptions::default()).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    }

    #[tokio::test]
    async fn writer_waits_for_a_lock_and_then_says_so() {
        let file = file();
        let connect_timeout = Duration::from_millis(20);
        let store = file.open(StoreOptions { connect_timeout, ..StoreOptions::default() }).await;
        store.migrate_up(None).await.expect("up");
        let other = rusqlite::Connection::open(file.path()).expect("open");
        other.execute_batch("BEGIN IMMEDIATE").expect("begin");
        let refused = store.enqueue(vec![task()], EnqueueMode::Each).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        assert!(store.queues().await.expect("readers do not wait for writers").is_empty());
        other.execute_batch("ROLLBACK").expect("rollback");
        enqueue(&*store, task()).await;
    }

    #[tokio::test]
    async fn reader_that_takes_too_long_is_stopped() {
        let file = file();
        let statement_timeout = Duration::from_nanos(1);
        let store = file.open(StoreOptions { statement_timeout, ..StoreOptions::default() }).await;
        store.migrate_up(None).await.expect("up");
        let batch: Vec<NewTask> = (0..2000).map(|_| task()).collect();
        let id = batch[0].id;
        store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
        let filter = TaskFilter { kind: Some("none".to_owned()), ..TaskFilter::default() };
        let stopped = store.list(filter, PageRequest { limit: 10, before: None }).await;
        assert!(matches!(stopped, Err(StoreError::Timeout)), "{stopped:?}");
        get(&*store, id).await;
    }

    #[tokio::test]
    async fn page_ends_early_when_little_matches() {
        let file = file();
        let store = file.open(StoreOptions::default()).await;
        store.migrate_up(None).await.expect("up");
        let rare = enqueue(&*store, NewTask { kind: "rare".to_owned(), ..task() }).await.task.id;
        let done = claim_one(&*store).await;
        settle(&*store, &done, SettlementOutcome::Completed(None)).await;
        let older = enqueue(&*store, NewTask { kind: "rare".to_owned(), ..task() }).await.task.id;
        let batch = (0..20_500).map(|_| task()).collect();
        store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
        let filter = TaskFilter { kind: Some("rare".to_owned()), ..TaskFilter::default() };
        let page = store.list(filter.clone(), PageRequest { limit: 10, before: None }).await.expect("list");
        assert!(page.tasks.is_empty() && page.next.is_some(), "a bounded page: {page:?}");
        let found: Vec<_> = list_all(&*store, &filter, 10).await.iter().map(|task| task.id).collect();
        assert_eq!(found, [older, rare]);
    }

    #[tokio::test]
    async fn old_history_goes_with_its_keys_in_batches() {
        let file = file();
        let store = file.open(StoreOptions::default()).await;
        store.migrate_up(None).await.expect("up");
        for number in 0..5 {
            let key = IdempotencyKey { key: format!("key {number}"), fingerprint: [0; 32] };
            enqueue(&*store, NewTask { idempotency: Some(key), ..task() }).await;
        }
        for claimed in claim(&*store, 4).await {
            settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
        }
        assert_eq!(store.prune(HOUR, 10).await.expect("prune").tasks, 0);
        let first = store.prune(Duration::ZERO, 3).await.expect("prune");
        assert_eq!((first.tasks, first.idempotency_keys, first.partitions), (3, 3, 0));
        let second = store.prune(Duration::ZERO, 3).await.expect("prune");
        assert_eq!((second.tasks, second.idempotency_keys), (1, 1));
        let left = list_all(&*store, &TaskFilter::default(), 10).await;
        assert_eq!(left.iter().map(|task| task.state).collect::<Vec<_>>(), [TaskState::Available]);
        let queues = store.queues().await.expect("queues");
        assert_eq!((queues[0].completed, queues[0].created), (4, 5), "pruned tasks are still counted");
    }

    #[tokio::test]
    async fn a_page_that_was_overwritten_is_found() {
        use std::io::{Seek as _, SeekFrom, Write as _};

        let file = file();
        let store = file.open(StoreOptions::default()).await;
        store.migrate_up(None).await.expect("up");
        let batch: Vec<NewTask> = (0..200).map(|_| task()).collect();
        store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
        store.close().await;
        let connection = rusqlite::Connection::open(file.path()).expect("open");
        let number = |sql: &str| {
            let number: i64 = connection.query_row(sql, [], |row| row.get(0)).expect(sql);
            u64::try_from(number).expect("a number")
        };
        let page_size = number("PRAGMA page_size");
        let page = number("SELECT rootpage FROM sqlite_schema WHERE name = 'tasks_ready'");
        drop(connection);
        let mut damaged = std::fs::OpenOptions::new().write(true).open(file.path()).expect("open");
        damaged.seek(SeekFrom::Start((page - 1) * page_size)).expect("seek");
        damaged.write_all(&vec![0; usize::try_from(page_size).expect("a page")]).expect("write");

        let found = check(&file.url(), CheckOptions::default()).await.expect("a check");
        let storage = found.iter().find(|one| one.invariant.id == "storage").expect("it was looked at");
        assert!(matches!(storage.verdict, Verdict::Violated(_)), "{storage:?}");
    }

    #[tokio::test]
    async fn two_stores_on_one_file_share_it() {
        let file = file();
        let first = file.open(StoreOptions::default()).await;
        first.migrate_up(None).await.expect("up");
        let second = file.open(StoreOptions::default()).await;
        let writes = (0..20).map(|number| {
            let store = if number % 2 == 0 { &first } else { &second };
            enqueue(&**store, task())
        });
        futures_util::future::join_all(writes).await;
        assert_eq!(assert_counters(&*second).await["default"].available, 20);
    }
}
