//! Whether what is stored is what this program may have written.
//!
//! The invariants are those of `ARCHITECTURE.md`, asked of the rows themselves: in one snapshot, without writing
//! anything and without waiting for anybody, so beside a running service as well as without one. Most of them the
//! database enforces while it is well; a check is for when something was not: a disk, a copy of a file, an operator's
//! own SQL, an error of this program.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::migrations::Migration;
use crate::{StoreError, StoreOptions, migrations, open, postgres, sqlite};

/// How to check.
#[derive(Clone)]
pub struct CheckOptions {
    /// What is looked at.
    pub scope: CheckScope,
    /// How long the whole check may take. What was not checked by then is [`Verdict::NotChecked`].
    pub time_limit: Duration,
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// Violations of each invariant that are described; all of them are counted.
    pub examples_max: usize,
    /// Told before each invariant is looked at.
    pub observe: Arc<dyn Fn(CheckProgress) + Send + Sync>,
}

impl Default for CheckOptions {
    /// Everything, for at most a minute, with five examples each.
    fn default() -> Self {
        Self {
            scope: CheckScope::All,
            time_limit: Duration::from_secs(60),
            connect_timeout: StoreOptions::default().connect_timeout,
            examples_max: 5,
            observe: Arc::new(|_| ()),
        }
    }
}

/// What a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CheckScope {
    /// Every invariant.
    All,
    /// Those that do not read every finished task, nor the whole file: for a copy whose rows and storage have been
    /// looked at already, and of which people wait.
    WithoutHistory,
}

impl CheckScope {
    pub(crate) fn has(self, invariant: Invariant) -> bool {
        self == Self::All || ![ATTEMPTS, HISTORY, COUNTS_HISTORY, STORAGE].contains(&invariant)
    }
}

/// How far a check is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckProgress {
    /// Invariants that were looked at.
    pub done: usize,
    /// Invariants there are.
    pub total: usize,
    /// The one that is looked at now.
    pub invariant: Invariant,
}

/// Something that is always so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invariant {
    /// Its name, which does not change.
    pub id: &'static str,
    /// What it says.
    pub says: &'static str,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is so.
    Holds,
    /// It is not.
    Violated(Violations),
    /// Nobody knows, and why.
    NotChecked(String),
}

/// Where an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Violations {
    /// How often.
    pub count: u64,
    /// Some of them.
    pub examples: Vec<Violation>,
}

/// One place where an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The task, if it is about one.
    pub task: Option<Uuid>,
    /// What is there.
    pub what: String,
}

/// An invariant, and what was found of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// The invariant.
    pub invariant: Invariant,
    /// What was found.
    pub verdict: Verdict,
}

/// Checks the database that a URL names.
///
/// # Errors
/// As [`open()`]: [`StoreError::InvalidUrl`], [`StoreError::Unavailable`]; and what
/// [`check_schema`](crate::StoreAdmin::check_schema) answers where the schema is not one this program knows.
pub async fn check(url: &str, options: CheckOptions) -> Result<Vec<Checked>, StoreError> {
    match open::Address::of(url)? {
        open::Address::Sqlite(path) => sqlite::check(path, options).await,
        open::Address::Postgres(url) => postgres::check(url, &options).await,
    }
}

/// Every table and index that the migrations make.
pub(crate) const SCHEMA: Invariant =
    Invariant { id: "schema", says: "every table and index of the schema is there, and valid" };
/// One place for a task.
pub(crate) const ONE_PLACE: Invariant =
    Invariant { id: "one_place", says: "no task is both unfinished and finished" };
/// Leases and running tasks belong together.
pub(crate) const LEASES: Invariant =
    Invariant { id: "leases", says: "exactly the running tasks hold a lease, each with its worker" };
/// When a lost attempt is noticed.
pub(crate) const EXPIRY: Invariant =
    Invariant { id: "expiry", says: "no attempt is taken away before its lease or its time ends" };
/// The numbers that only grow.
pub(crate) const ATTEMPTS: Invariant = Invariant {
    id: "attempts",
    says: "no task has more attempts than it may have, or more attempts or crashes than leases",
};
/// What keeps workers from before a restore out.
pub(crate) const EPOCHS: Invariant =
    Invariant { id: "epochs", says: "no lease is held that was handed out before a restore" };
/// What a finished task has.
pub(crate) const HISTORY: Invariant =
    Invariant { id: "history", says: "every finished task says when and how it ended" };
/// Unique keys.
pub(crate) const UNIQUE_KEYS: Invariant =
    Invariant { id: "unique_keys", says: "a queue, kind and unique key have one unfinished task" };
/// Counters of unfinished tasks.
pub(crate) const COUNTS: Invariant =
    Invariant { id: "counts", says: "the counters of unfinished tasks are how many there are" };
/// Counters of finished tasks.
pub(crate) const COUNTS_HISTORY: Invariant =
    Invariant { id: "counts_history", says: "no more tasks are in history than have finished" };
/// All counters.
pub(crate) const COUNTS_BALANCE: Invariant =
    Invariant { id: "counts_balance", says: "every task that was created is unfinished or has finished" };
/// What only a SQLite file has.
pub(crate) const STORAGE: Invariant =
    Invariant { id: "storage", says: "the file is whole, and its indexes say what its tables say" };
/// What only PostgreSQL's history has.
pub(crate) const PARTITIONS: Invariant = Invariant {
    id: "partitions",
    says: "every partition of history belongs to it, for the day it is named for",
};

/// The tables and indexes that migrations make and that are not among `found`.
pub(crate) fn missing(carried: &[Migration], found: &[String]) -> Verdict {
    let expected = migrations::expected_objects(carried);
    let missing = expected.into_iter().filter(|name| !found.contains(name));
    let examples: Vec<_> = missing
        .map(|name| Violation { task: None, what: format!("{name} is missing, or not valid") })
        .collect();
    verdict(Violations { count: examples.len() as u64, examples })
}

/// What violations, or none, amount to.
pub(crate) fn verdict(violations: Violations) -> Verdict {
    if violations.count == 0 { Verdict::Holds } else { Verdict::Violated(violations) }
}

impl Violations {
    /// Counts one more, and keeps it if there is room.
    pub(crate) fn add(&mut self, violation: Violation, examples_max: usize) {
        self.count += 1;
        if self.examples.len() < examples_max {
            self.examples.push(violation);
        }
    }
}

/// What a query that failed says about the invariant: nothing, or that the database cannot be read.
///
/// # Errors
/// When the failure is about the connection and not about what was asked.
pub(crate) fn failed(error: StoreError) -> Result<Verdict, StoreError> {
    match error {
        StoreError::Timeout => Ok(Verdict::NotChecked("the time for the check was over".to_owned())),
        StoreError::Corrupt(what) => {
            Ok(verdict(Violations { count: 1, examples: vec![Violation { task: None, what }] }))
        }
        StoreError::Rejected(source) => Ok(Verdict::NotChecked(source.to_string())),
        other => Err(other),
    }
}
