//! SQLite's log, archived beside a store of this process, when that does not keep up.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use jiff::Timestamp;
use taskward_config::{DatabaseTarget, WalMode};
use taskward_core::{NewTask, RetryPolicy, Schedule, TaskId};
use taskward_ops::backup::{
    BackupError, BackupSettings, Clock, CreateOptions, Goal, Keep, LogEvent, Points, RestoreOptions, Which,
    archive_log, create, points, prune, restore, verify_with_log,
};
use taskward_store::sqlite::SqliteStore;
use taskward_store::sqlite::wal::{Fingerprint, Follower};
use taskward_store::{EnqueueMode, SqliteLog, StoreAdmin, StoreOptions, TaskStore};
use tempfile::TempDir;

/// Frames that the log may have in these tests.
const FRAMES_MAX: u32 = 60;
/// A frame: a page and its header.
const FRAME_BYTES: u64 = 4096 + 24;

#[expect(
    clippy::disallowed_methods,
    reason = "the archive tells the moments of commits by the machine's clock"
)]
fn now() -> Timestamp {
    Timestamp::now()
}

/// A store whose log is archived, and what is heard of gaps.
struct World {
    directory: TempDir,
    store: SqliteStore,
    gaps: mpsc::Receiver<String>,
}

impl World {
    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let database = directory.path().join("data/taskward.db");
        let follower = Arc::new(Follower::bounded(FRAMES_MAX));
        let options =
            StoreOptions { log: SqliteLog::Followed(Arc::clone(&follower)), ..StoreOptions::default() };
        let store = SqliteStore::open(&database, options).await.expect("opened");
        store.migrate_up(None).await.expect("migrated");
        let (tell, gaps) = mpsc::channel();
        let listener = move |event: LogEvent<'_>| {
            if let LogEvent::Gap(why) = event {
                let _ = tell.send(why.to_owned());
            }
        };
        archive_log(&database, &directory.path().join("backups"), &follower, Box::new(listener))
            .expect("a thread");
        Self { directory, store, gaps }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn settings(&self) -> BackupSettings {
        BackupSettings {
            database: DatabaseTarget::Sqlite(self.path("data/taskward.db")),
            database_name: "sqlite:taskward.db".to_owned(),
            dir: self.path("backups"),
            wal: WalMode::Stream,
            wal_slot: "taskward".to_owned(),
            max_rate: None,
            wal_held_max: 1 << 30,
            keep: Keep { daily: 1, weekly: 0, monthly: 0 },
            rpo: Duration::from_secs(3600),
            rto: Duration::from_secs(3600),
            drill_age_max: Duration::from_secs(3600),
            scratch_dir: self.path("scratch"),
            stanza: None,
            pg_bin: None,
        }
    }

    /// Creates a task of some pages.
    async fn create(&self) -> TaskId {
        let payload: String = std::iter::repeat_with(fastrand::alphanumeric).take(20_000).collect();
        let id = TaskId::generate();
        let task = NewTask {
            id,
            kind: "k".to_owned(),
            queue: "q".to_owned(),
            payload: serde_json::value::to_raw_value(&payload).expect("JSON"),
            priority: 5,
            schedule: Schedule::Now,
            timeout: Duration::from_secs(60),
            max_attempts: 1,
            retry: RetryPolicy::default(),
            unique: None,
            tags: Vec::new(),
            metadata: None,
            trace_context: None,
            idempotency: None,
        };
        let created = self.store.enqueue(vec![task], EnqueueMode::Each).await.expect("a commit");
        assert!(created[0].is_ok(), "{created:?}");
        id
    }

    async fn back_up(&self) {
        create(&self.settings(), CreateOptions::default(), Clock::at(now()), &quiet())
            .await
            .expect("a backup");
    }

    /// Where it can be brought back to, once the latest window reaches beyond this moment.
    fn reaching(&self, moment: Timestamp) -> Points {
        loop {
            let points = points(&self.settings()).expect("a sound log");
            if points.windows.first().is_some_and(|window| window.to > moment) {
                return points;
            }
            std::thread::yield_now();
        }
    }

    /// Restores to a moment: which of these tasks are there then.
    async fn restored(&self, to: Timestamp, tasks: &[TaskId]) -> Vec<bool> {
        let target = self.path("restored.db");
        let options = RestoreOptions {
            goal: Goal::Moment(to),
            target: Some(target.display().to_string()),
            preview: false,
            at_once: true,
            accept_violations: false,
        };
        restore(&self.settings(), &options, Clock::at(now()), &quiet()).await.expect("restored");
        let store = SqliteStore::open(&target, StoreOptions::default()).await.expect("opened");
        let found = store.get(tasks.to_vec()).await.expect("read");
        store.close().await;
        fs::remove_file(&target).expect("removed");
        found.iter().map(Option::is_some).collect()
    }
}

fn quiet() -> taskward_ops::backup::Listener {
    Arc::new(|_| ())
}

/// How large the log is that SQLite has beside its database.
fn log_bytes(database: &Path) -> u64 {
    fs::metadata(database.with_extension("db-wal")).map_or(0, |log| log.len())
}

#[tokio::test]
async fn a_log_that_has_become_too_long_goes_and_that_is_a_gap_with_a_name() {
    let world = World::start().await;
    let database = world.path("data/taskward.db");
    let first = world.create().await;
    world.back_up().await;
    let before = world.reaching(now()).windows[0].to;

    // Nothing can be archived: a file is where the directory belongs.
    let (dir, away) = (world.path("backups/wal/sqlite"), world.path("away"));
    fs::rename(&dir, &away).expect("moved");
    fs::write(&dir, b"").expect("written");
    let unmoved = Fingerprint::of(&database).expect("a database");
    let mut lost = Vec::new();
    while Fingerprint::of(&database).expect("a database") == unmoved {
        lost.push(world.create().await);
        assert!(log_bytes(&database) < 2 * u64::from(FRAMES_MAX) * FRAME_BYTES, "the log is bounded");
    }
    // The next one begins SQLite's log anew.
    lost.push(world.create().await);
    let within = now();
    fs::remove_file(&dir).expect("removed");
    fs::rename(&away, &dir).expect("back");
    let why = world.gaps.recv_timeout(Duration::from_secs(60)).expect("it is told");
    assert_eq!(why, "the log was begun anew before it was archived");

    world.back_up().await;
    let last = world.create().await;
    let points = world.reaching(now());
    assert_eq!((points.windows.len(), points.gaps.len(), points.damaged.len()), (2, 1, 0), "{points:?}");
    let gap = &points.gaps[0];
    assert!(gap.why == why && gap.from <= within && points.windows[0].from >= gap.to, "{points:?}");
    let tasks = [&[first][..], &lost, &[last]].concat();
    let there = world.restored(points.windows[0].to, &tasks).await;
    assert!(there.iter().all(|there| *there), "everything is in the backup after the gap: {there:?}");
    let there = world.restored(before, &tasks).await;
    assert!(there[0] && !there[1..].contains(&true), "as it was before the gap: {there:?}");
    let options = RestoreOptions {
        goal: Goal::Moment(within),
        target: None,
        preview: true,
        at_once: false,
        accept_violations: false,
    };
    let refused = restore(&world.settings(), &options, Clock::at(now()), &quiet()).await;
    assert!(matches!(refused, Err(BackupError::OutsideWindow { .. })), "{refused:?}");
    verify_with_log(&world.settings(), &Which::Latest, &quiet()).await.expect("sound");

    // What is before the gap goes with its backup.
    let pruned = prune(&world.settings(), false, &quiet()).await.expect("pruned");
    assert_eq!(pruned.kept, [points.windows[0].bases[0].backup.clone()]);
    let left = world.reaching(points.windows[0].to);
    assert_eq!((left.windows.len(), left.damaged.len(), left.unusable.len()), (1, 0, 0), "{left:?}");
    let there = world.restored(points.windows[0].to, &tasks).await;
    assert!(there.iter().all(|there| *there), "what is kept is enough: {there:?}");
    world.store.close().await;
}
