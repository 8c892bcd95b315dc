//! Moving between the two databases, both ways, with everything a store can hold.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskward_core::{
    IdempotencyKey, NewTask, OnConflict, Schedule, TaskId, TaskState, TraceContext, UniqueKey,
};
use taskward_store::check::Verdict;
use taskward_store::transfer::{self, MoveError, MoveOptions, MoveProgress, Side, Stage};
use taskward_store::{
    CheckOptions, ClaimDemand, EnqueueMode, Failure, PageRequest, Settlement, SettlementOutcome, Store,
    StoreError, StoreOptions, TaskFilter, WorkerSeen, check, open,
};
use taskward_testkit::postgres::TempPostgres;
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3600);

/// A place for each kind of database.
struct World {
    directory: TempDir,
    server: TempPostgres,
}

impl World {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().expect("a directory"),
            server: TempPostgres::start_without_fsync(),
        }
    }

    fn file(&self, name: &str) -> String {
        format!("sqlite:{}", self.directory.path().join(name).display())
    }

    /// Runs SQL in a database, behind everybody's back.
    fn sql(&self, url: &str, sql: &str) -> String {
        match url.strip_prefix("sqlite:") {
            Some(path) => {
                let connection = rusqlite::Connection::open(path).expect("open");
                connection.execute_batch(sql).expect(sql);
                String::new()
            }
            None => self.server.execute(url.rsplit('/').next().expect("a database"), sql),
        }
    }
}

fn options() -> MoveOptions {
    MoveOptions { connect_timeout: Duration::from_secs(30), observe: Arc::new(|_| ()) }
}

async fn store(url: &str) -> Arc<dyn Store> {
    let store = open(url, StoreOptions::default()).await.expect("open");
    store.migrate_up(None).await.expect("up");
    store
}

/// Closes a store, and waits until the server has forgotten its connections.
async fn close(world: &World, url: &str, store: Arc<dyn Store>) {
    store.close().await;
    if url.starts_with("postgres") {
        let sessions = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taskward'";
        while world.server.execute("postgres", sessions).trim() != "0" {}
    }
}

fn task(number: usize) -> NewTask {
    let json = |text: String| serde_json::value::RawValue::from_string(text).expect("JSON");
    NewTask {
        id: TaskId::generate(),
        kind: format!("kind {}", number % 3),
        queue: format!("queue {}", number % 2),
        payload: json(format!("{{\"n\": {number}, \"ü\": 1.50, \"n\": \"\\u0000\"}}")),
        priority: u8::try_from(number % 9 + 1).expect("a priority"),
        schedule: if number.is_multiple_of(5) { Schedule::In(HOUR) } else { Schedule::Now },
        timeout: HOUR,
        max_attempts: 2,
        retry: taskward_core::RetryPolicy {
            initial: Duration::from_millis(1500),
            factor: 1.1,
            max: HOUR,
            jitter: 0.25,
        },
        unique: number
            .is_multiple_of(7)
            .then(|| UniqueKey { key: format!("u{number}"), on_conflict: OnConflict::Reject }),
        tags: (0..number % 3).map(|tag| format!("tag \"{tag}\", {{ü}}")).collect(),
        metadata: number.is_multiple_of(4).then(|| json("{\"a\":[1,2]}".to_owned())),
        idempotency: number
            .is_multiple_of(6)
            .then(|| IdempotencyKey { key: format!("key {number}"), fingerprint: [7; 32] }),
        trace_context: TraceContext::parse(&format!("00-{number:032x}-{number:016x}-01"), Some("a=1"))
            .filter(|_| number.is_multiple_of(3)),
    }
}

/// Fills a store with tasks in every state.
async fn fill(store: &dyn Store, tasks: usize) {
    let batch = (0..tasks).map(task).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let demand = ClaimDemand {
        worker_id: "w 1".to_owned(),
        queues: vec!["queue 0".to_owned(), "queue 1".to_owned()],
        kinds: Vec::new(),
        max: tasks / 2,
        lease: HOUR,
    };
    let claimed = store.claim(vec![demand]).await.expect("claim").remove(0);
    let failure = Failure {
        kind: "Boom".to_owned(),
        message: "it's \"over\"".to_owned(),
        trace: None,
        retryable: false,
        retry_after: None,
    };
    let result = || Some(serde_json::value::RawValue::from_string("[1.0]".to_owned()).expect("JSON"));
    let reports = claimed.iter().enumerate().filter_map(|(number, task)| {
        let outcome = match number % 4 {
            0 => SettlementOutcome::Completed(result()),
            1 => SettlementOutcome::Failed(failure.clone()),
            2 => SettlementOutcome::Failed(Failure { retryable: true, ..failure.clone() }),
            _ => return None,
        };
        Some(Settlement { id: task.id, lease: task.lease, outcome })
    });
    store.settle(reports.collect()).await.expect("settle");
    let waiting = TaskFilter { state: Some(TaskState::Available), ..TaskFilter::default() };
    let page = store.list(waiting, PageRequest { limit: 3, before: None }).await.expect("list");
    store.cancel(page.tasks.iter().map(|task| task.id).collect()).await.expect("cancel");
    store.set_paused("queue 1", true).await.expect("pause");
    let seen = WorkerSeen {
        worker_id: "w 1".to_owned(),
        queues: vec!["queue 0".to_owned(), "q \"2\"".to_owned()],
        instance: "i".to_owned(),
        ago: Duration::from_secs(1),
    };
    store.record_workers(vec![seen]).await.expect("workers");
}

/// Everything that can be seen of the tasks and queues of a store.
async fn seen(store: &dyn Store) -> String {
    let page = store.list(TaskFilter::default(), PageRequest { limit: 10_000, before: None }).await;
    let queues = store.queues().await.expect("queues").into_iter();
    let queues: Vec<_> =
        queues.map(|queue| taskward_store::QueueSummary { oldest_available: None, ..queue }).collect();
    format!("{:#?}\n{queues:#?}", page.expect("list").tasks)
}

async fn whole(url: &str) {
    for one in check(url, CheckOptions::default()).await.expect("a check") {
        assert_eq!(one.verdict, Verdict::Holds, "{one:?}");
    }
}

/// Fills `from`, moves it to `to`, and expects the same there.
async fn moved_and_the_same(world: &World, from: &str, to: &str) {
    let source = store(from).await;
    fill(&*source, 500).await;
    let before = seen(&*source).await;
    close(world, from, source).await;

    let planned = transfer::plan(from, to, &options()).await.expect("a plan");
    let told = Arc::new(Mutex::new(Vec::<MoveProgress>::new()));
    let note = Arc::clone(&told);
    let observe = Arc::new(move |at| note.lock().expect("the notes").push(at));
    let moved = transfer::run(from, to, &MoveOptions { observe, ..options() }).await.expect("moved");
    let counts = |moved: &transfer::Moved| {
        moved.tables.iter().map(|table| (table.table.clone(), table.rows)).collect::<Vec<_>>()
    };
    assert_eq!(counts(&planned), counts(&moved));
    assert!(moved.tables.iter().all(|table| table.checksum.is_some()) && moved.resumed == 0, "{moved:?}");
    for name in transfer_tables() {
        let rows = moved.tables.iter().find(|table| table.table == name).map(|table| table.rows);
        assert!(rows.is_some_and(|rows| rows > 0), "{name}: {rows:?} rows");
    }
    let last = told.lock().expect("the notes").last().cloned().expect("progress");
    assert_eq!((last.stage, last.rows), (Stage::Comparing, last.total));

    whole(to).await;
    let target = store(to).await;
    assert_eq!(seen(&*target).await, before);
    let again = task(6);
    let id = again.id;
    let again = target.enqueue(vec![again], EnqueueMode::Each).await.expect("enqueue").remove(0);
    assert_ne!(again.expect("the same request").task.id, id, "its idempotency key is remembered");
    close(world, to, target).await;
    let refused = transfer::run(from, to, &options()).await.expect_err("refused");
    assert!(matches!(refused, MoveError::NotEmpty(_)), "{refused:?}");
    let source = store(from).await;
    assert_eq!(seen(&*source).await, before, "the source is as it was");
    close(world, from, source).await;
}

/// Every table whose rows users have made.
fn transfer_tables() -> [&'static str; 6] {
    ["history", "idempotency_keys", "queue_counts", "queues", "tasks", "workers"]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_goes_from_sqlite_to_postgres_and_back() {
    let world = World::new();
    let (first, second, third) = (world.file("a.db"), world.server.create_database(), world.file("b/c.db"));
    moved_and_the_same(&world, &first, &second).await;
    let empty = world.server.create_database();
    moved_and_the_same(&world, &empty, &third).await;
}

/// A move that ends after so many steps forward, as if the program had been killed there.
async fn cut_off(from: &str, to: &str, after_rows: u64) {
    let (stop, mut stopped) = tokio::sync::mpsc::unbounded_channel();
    let observe = Arc::new(move |at: MoveProgress| {
        if at.rows >= after_rows {
            let _ = stop.send(());
        }
    });
    let options = MoveOptions { observe, ..options() };
    tokio::select! {
        biased;
        _ = stopped.recv() => {}
        moved = transfer::run(from, to, &options) => panic!("it was not cut off: {moved:?}"),
    }
    // What was being written to a file then is written to its end.
    if let Some(path) = to.strip_prefix("sqlite:") {
        let lock = std::fs::File::open(format!("{path}.lock")).expect("the lock");
        lock.lock().expect("the move has let go");
    }
}

async fn goes_on(world: &World, from: &str, to: &str) {
    let source = store(from).await;
    fill(&*source, 2_000).await;
    let before = seen(&*source).await;
    close(world, from, source).await;
    for rows in [100, 1_000] {
        cut_off(from, to, rows).await;
        let refused = open(to, StoreOptions::default()).await.expect("open");
        let status = refused.check_schema().await;
        assert!(matches!(status, Err(StoreError::UnfinishedMove { .. })), "{status:?}");
        let up = refused.migrate_up(None).await;
        assert!(matches!(up, Err(StoreError::UnfinishedMove { .. })), "{up:?}");
        close(world, to, refused).await;
    }
    let other =
        if from.starts_with("sqlite:") { world.file("other.db") } else { world.server.create_database() };
    let store_of_other = store(&other).await;
    close(world, &other, store_of_other).await;
    let refused = transfer::run(&other, to, &options()).await.expect_err("refused");
    assert!(matches!(refused, MoveError::OtherMove(_)), "{refused:?}");
    let moved = transfer::run(from, to, &options()).await.expect("it goes on");
    assert!(moved.resumed >= 100, "{moved:?}");
    let target = store(to).await;
    assert_eq!(seen(&*target).await, before);
    close(world, to, target).await;
    whole(to).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_move_that_was_cut_off_goes_on() {
    let world = World::new();
    goes_on(&world, &world.file("a.db"), &world.server.create_database()).await;
    goes_on(&world, &world.server.create_database(), &world.file("b.db")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changes_between_two_parts_is_noticed() {
    let world = World::new();
    let (from, to) = (world.file("a.db"), world.server.create_database());
    let source = store(&from).await;
    fill(&*source, 1_000).await;
    close(&world, &from, source).await;
    cut_off(&from, &to, 900).await;
    world.sql(&from, "UPDATE history SET result = '[2.0]' WHERE result IS NOT NULL");
    let differs = transfer::run(&from, &to, &options()).await.expect_err("it differs");
    assert!(matches!(&differs, MoveError::Differs { table, .. } if table == "history"), "{differs:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_moved_is_refused() {
    let world = World::new();
    let (file, database) = (world.file("a.db"), world.server.create_database());
    let refused = transfer::run(&file, &world.file("b.db"), &options()).await.expect_err("refused");
    assert!(matches!(refused, MoveError::SameKind), "{refused:?}");
    let refused = transfer::run(&file, &database, &options()).await.expect_err("refused");
    assert!(matches!(refused, MoveError::Store(Side::Source, StoreError::Unavailable(_))), "{refused:?}");
    let empty = store(&file).await;
    close(&world, &file, empty).await;

    world.sql(&database, "CREATE TABLE people (name text)");
    let refused = transfer::run(&file, &database, &options()).await.expect_err("refused");
    assert!(matches!(&refused, MoveError::NotEmpty(what) if what.contains("people")), "{refused:?}");

    let running = world.server.create_database();
    let service = store(&running).await;
    for (from, to, side) in [(&file, &running, Side::Target), (&running, &world.file("c.db"), Side::Source)] {
        let refused = transfer::run(from, to, &options()).await.expect_err("refused");
        assert!(matches!(&refused, MoveError::InUse { side: found, .. } if *found == side), "{refused:?}");
    }
    close(&world, &running, service).await;

    world.sql(&running, "ALTER TABLE tasks ADD COLUMN note text");
    let refused = transfer::run(&running, &world.file("d.db"), &options()).await.expect_err("refused");
    assert!(matches!(&refused, MoveError::Unfit(why) if why.contains("tasks.note")), "{refused:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_task_has_its_day_in_the_history() {
    let world = World::new();
    let (from, to) = (world.file("a.db"), world.server.create_database());
    let source = store(&from).await;
    fill(&*source, 40).await;
    close(&world, &from, source).await;
    // Ten days ago, and in the past century.
    let now = std::time::UNIX_EPOCH.elapsed().expect("now").as_secs();
    let connection = rusqlite::Connection::open(from.trim_start_matches("sqlite:")).expect("open");
    for (state, seconds) in [("completed", now - 10 * 86_400), ("dead", 1)] {
        let sql = "SELECT id FROM history WHERE state = ?1 LIMIT 1";
        let id: Vec<u8> = connection.query_row(sql, [state], |row| row.get(0)).expect("a task");
        let older = [&(seconds * 1000).to_be_bytes()[2..], &id[6..]].concat();
        connection.execute("UPDATE history SET id = ?1 WHERE id = ?2", (older, id)).expect("updated");
    }
    drop(connection);
    transfer::run(&from, &to, &options()).await.expect("moved");
    whole(&to).await;
    let count = |table: &str| world.sql(&to, &format!("SELECT count(*) FROM {table}")).trim().to_owned();
    assert_eq!(count("history_default"), "1");
    let old = "SELECT count(*) FROM history WHERE tableoid::regclass::text
        = 'history_p' || to_char((now() - interval '10 days') AT TIME ZONE 'UTC', 'YYYYMMDD')";
    assert_eq!(world.sql(&to, old).trim(), "1");
}
