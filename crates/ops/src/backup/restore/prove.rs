//! Whether a copy that was brought to life is what it should be, and works.

use std::path::PathBuf;
use std::time::Duration;

use serde_json::value::RawValue;
use taskward_core::{NewTask, RetryPolicy, Schedule, TaskId, TaskState};
use taskward_store::{
    CheckOptions, CheckScope, ClaimDemand, EnqueueMode, Epoch, Examined, Settlement, SettlementOutcome,
    Store, StoreError, StoreOptions, postgres, sqlite,
};
use tokio::task::spawn_blocking;

use super::Backup;
use crate::backup::engine::join;
use crate::backup::postgres::Connection;
use crate::backup::{BackupError, Progress};
use crate::database::{self, CheckStatus, Example, InvariantReport};

/// The queue of the task that is run to see whether the database works. Nothing of it stays.
const QUEUE: &str = "taskward-restore";

/// A copy of a database that nobody else uses.
pub(in crate::backup) enum Alive {
    Sqlite(PathBuf),
    Postgres(Connection),
}

impl Alive {
    /// Its URL, with its password.
    pub(in crate::backup) fn url(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite:{}", path.display()),
            Self::Postgres(connection) => connection.url().to_owned(),
        }
    }

    async fn examine(&self) -> Result<Examined, StoreError> {
        match self {
            Self::Sqlite(path) => {
                let path = path.clone();
                blocking(move || sqlite::examine(&path)).await
            }
            Self::Postgres(connection) => postgres::examine(connection.url()).await,
        }
    }

    async fn forget(&self, id: TaskId) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(path) => {
                let path = path.clone();
                blocking(move || sqlite::forget(&path, id, QUEUE)).await
            }
            Self::Postgres(connection) => postgres::forget(connection.url(), id, QUEUE).await,
        }
    }

    async fn begin_epoch(&self, backup: &str) -> Result<Epoch, StoreError> {
        match self {
            Self::Sqlite(path) => {
                let (path, backup) = (path.clone(), backup.to_owned());
                blocking(move || sqlite::begin_epoch(&path, &backup)).await
            }
            Self::Postgres(connection) => postgres::begin_epoch(connection.url(), backup).await,
        }
    }
}

/// How long checking a copy may take: far more than any that somebody waits for.
const CHECKED_WITHIN: Duration = Duration::from_secs(12 * 3600);

/// A copy that works.
pub(in crate::backup) struct Proven {
    /// Begun in it.
    pub(in crate::backup) epoch: Epoch,
    /// What does not hold in it, and was accepted.
    pub(in crate::backup) violations: Vec<String>,
}

/// Compares a copy with the manifest, brings its schema up to date, runs a task from its creation to its result,
/// checks what is always so, and begins a new epoch of leases. One that was rolled forward is not compared: what the
/// manifest counted was of an earlier moment.
pub(in crate::backup) async fn prove(alive: &Alive, backup: &Backup<'_>) -> Result<Proven, BackupError> {
    let Backup { manifest, listener, .. } = backup;
    let failed = BackupError::store("the restored database");
    listener(Progress::Stage("comparing"));
    let examined = alive.examine().await.map_err(&failed)?;
    let compared = match backup.to {
        Some(_) => Vec::new(),
        None => manifest.rows.differences(&examined.census),
    };
    let mut differences = [examined.problems, compared].concat();
    if examined.schema != manifest.schema && backup.to.is_none() {
        differences.push(format!("its schema is version {}, not {}", examined.schema, manifest.schema));
    }
    if !differences.is_empty() {
        return Err(BackupError::Differs { id: manifest.id.clone(), differences });
    }
    listener(Progress::Stage("running a task"));
    let id = run_a_task(&alive.url()).await.map_err(&failed)?;
    alive.forget(id).await.map_err(&failed)?;
    listener(Progress::Stage("checking integrity"));
    let violations = violations(&alive.url()).await.map_err(&failed)?;
    if !violations.is_empty() && !backup.accept_violations {
        return Err(BackupError::Violations { id: manifest.id.clone(), violations });
    }
    let epoch = alive.begin_epoch(&manifest.id).await.map_err(&failed)?;
    Ok(Proven { epoch, violations })
}

/// What does not hold, or could not be looked at, of that which `taskward db check` knows and which was not counted
/// yet.
async fn violations(url: &str) -> Result<Vec<String>, StoreError> {
    let scope = CheckScope::WithoutHistory;
    let options = CheckOptions { scope, time_limit: CHECKED_WITHIN, ..CheckOptions::default() };
    let report = database::check(url, String::new(), options).await?;
    let broken = report.invariants.into_iter().filter(|one| one.status != CheckStatus::Ok);
    Ok(broken.map(|one| described(&one)).collect())
}

fn described(found: &InvariantReport) -> String {
    let what = match (&found.why, found.examples.first()) {
        (Some(why), _) => format!("not known: {why}"),
        (None, Some(Example { task: Some(task), what })) => format!("task {task}: {what}"),
        (None, Some(Example { task: None, what })) => what.clone(),
        (None, None) => String::new(),
    };
    let more = match found.violations {
        0 | 1 => String::new(),
        all => format!(", and {} more", all - 1),
    };
    format!("{}: {what}{more}", found.id)
}

async fn run_a_task(url: &str) -> Result<TaskId, StoreError> {
    let store = taskward_store::open(url, StoreOptions { pool_size: 2, ..StoreOptions::default() }).await?;
    let done = from_creation_to_result(&*store).await;
    store.close().await;
    done
}

async fn from_creation_to_result(store: &dyn Store) -> Result<TaskId, StoreError> {
    let wrong = |what: &str| StoreError::Corrupt(format!("a task of this program's own was not {what}"));
    store.migrate_up(None).await?;
    store.check_schema().await?;
    let created = store.enqueue(vec![task()], EnqueueMode::Each).await?;
    let id = created.into_iter().next().and_then(Result::ok).ok_or_else(|| wrong("created"))?.task.id;
    let demand = ClaimDemand {
        worker_id: QUEUE.to_owned(),
        queues: vec![QUEUE.to_owned()],
        kinds: Vec::new(),
        max: 1,
        lease: Duration::from_secs(60),
    };
    let claimed = store.claim(vec![demand]).await?.into_iter().flatten().next();
    let lease = claimed.filter(|task| task.id == id).ok_or_else(|| wrong("handed out"))?.lease;
    let report = Settlement { id, lease, outcome: SettlementOutcome::Completed(None) };
    let settled = store.settle(vec![report]).await?.into_iter().next();
    let state = settled.and_then(Result::ok).map(|settled| settled.state);
    if state == Some(TaskState::Completed) { Ok(id) } else { Err(wrong("completed")) }
}

fn task() -> NewTask {
    NewTask {
        id: TaskId::generate(),
        kind: QUEUE.to_owned(),
        queue: QUEUE.to_owned(),
        payload: RawValue::NULL.to_owned(),
        priority: 5,
        schedule: Schedule::Now,
        timeout: Duration::from_secs(60),
        max_attempts: 1,
        retry: RetryPolicy::default(),
        unique: None,
        tags: Vec::new(),
        metadata: None,
        idempotency: None,
        trace_context: None,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let inside = spawn_blocking(move || Ok(work()));
    join(inside).await.unwrap_or_else(|error| Err(StoreError::Rejected(error.into())))
}
