//! The database as a whole.

use std::time::Duration;

use async_trait::async_trait;
use taskward_core::Timestamp;

use crate::migrations::MigrationPlan;
use crate::{PoolFigures, StoreError};

/// What an operator does with the database. None of it touches a single task.
#[async_trait]
pub trait StoreAdmin: Send + Sync + 'static {
    /// Asks whatever answers reads now for an answer, and says how long it took.
    async fn ping(&self) -> Result<Duration, StoreError>;

    /// Asks whether the database is there and takes writes, apart from all other calls, so that it waits for none
    /// of them. `by_writing` has the database prove it, where it is not known without; nothing is left behind.
    ///
    /// [`StoreError::ReadOnly`] when only reads are possible.
    async fn probe(&self, by_writing: bool) -> Result<(), StoreError>;

    /// Says that the database is away, or is back. While a server is away every call fails at once, also those that
    /// wait for an answer already, and reads go to the replica, where there is one. [`Self::probe`] goes on asking.
    fn set_away(&self, away: bool);

    /// Which migrations are applied, and which this program carries. Creates nothing.
    async fn migration_status(&self) -> Result<MigrationStatus, StoreError>;

    /// What it would take to get to the schema version `to`, the newest that this program carries by default. Counts the
    /// rows that are concerned, which takes its time on large tables; changes nothing.
    async fn migration_plan(&self, to: Option<u32>) -> Result<MigrationPlan, StoreError>;

    /// Applies migrations up to and including `to`, all of them by default, one transaction each, under a
    /// lock that lets one program migrate at a time. Returns those it applied, which may be none.
    async fn migrate_up(&self, to: Option<u32>) -> Result<Vec<AppliedMigration>, StoreError>;

    /// Reverts migrations down to, not including, `to`, also those that this program does not carry: how to is kept in
    /// the database. Returns those it reverted, latest first.
    async fn migrate_down(&self, to: u32) -> Result<Vec<AppliedMigration>, StoreError>;

    /// Checks that the schema is exactly the one this program needs.
    async fn check_schema(&self) -> Result<(), StoreError>;

    /// How many statements this process has sent to databases of this kind since it started, `BEGIN` and `COMMIT`
    /// included; those of migrations and of pruning aside, which have connections of their own. For metrics.
    fn statements(&self) -> u64;

    /// How many answers this process has had from databases of this kind. That it grows says that one is there.
    fn answers(&self) -> u64;

    /// How busy this store's connections are. How often and how long they were waited for is counted for the process,
    /// as statements are, on PostgreSQL. For metrics.
    fn pool(&self) -> PoolFigures;

    /// How many bytes the database's write-ahead log has grown to since the database was made, whoever wrote
    /// them; `None` where such a position does not exist. For measurements.
    async fn wal_bytes(&self) -> Result<Option<u64>, StoreError>;

    /// What a commit survives, as the database's settings say it. For reports of measurements, which are worth
    /// little without.
    async fn durability(&self) -> Result<String, StoreError>;

    /// A name for the database that holds no secret: `sqlite:PATH`, `postgres://user@host/database`.
    fn describe(&self) -> String;

    /// Writes out everything and closes the database. Nothing may be called afterwards.
    async fn close(&self);
}

/// How the database's schema compares with this program's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// The newest applied version; 0 for an empty database.
    pub current: u32,
    /// The newest version this program carries.
    pub latest: u32,
    /// The oldest schema version whose programs can work on this database; 0 for an empty one.
    pub works_from: u32,
    /// Applied migrations, oldest first.
    pub applied: Vec<AppliedMigration>,
    /// Migrations this program carries that are not applied, oldest first: number and name.
    pub pending: Vec<(u32, String)>,
}

/// A migration in a database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedMigration {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// SHA-256 of its up file.
    pub checksum: [u8; 32],
    /// When it was applied.
    pub applied_at: Timestamp,
}
