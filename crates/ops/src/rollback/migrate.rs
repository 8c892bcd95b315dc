//! `taskward migrate status|up|down`: the schema as it is, brought up to date, or back.

use std::fmt;

use serde::Serialize;
use taskward_core::Timestamp;
use taskward_store::migrations::PlannedStep;
use taskward_store::{AppliedMigration, StoreAdmin, StoreError};

use super::plan::{Direction, PlanReport, plan};
use super::precaution::BackupBefore;

/// A migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// When it was applied, if it is.
    pub applied_at: Option<Timestamp>,
}

/// How a database's schema compares with this program's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaReport {
    /// Which database; holds no secret.
    pub database: String,
    /// The newest applied version; 0 for an empty database.
    pub current: u32,
    /// The newest version this program carries.
    pub latest: u32,
    /// The oldest schema version whose programs can work on this database; 0 for an empty one.
    pub works_from: u32,
    /// Applied migrations, oldest first.
    pub applied: Vec<Step>,
    /// Migrations that are not applied, oldest first.
    pub pending: Vec<Step>,
}

/// What was done to a schema, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationReport {
    /// Which database; holds no secret.
    pub database: String,
    /// Which way.
    pub direction: Direction,
    /// Whether nothing was done, only planned.
    pub dry_run: bool,
    /// The version before.
    pub from: u32,
    /// The version after.
    pub to: u32,
    /// The migrations applied or reverted, in that order.
    pub steps: Vec<Step>,
    /// The backup that was made before; `None` where there was nothing to do or to lose, or somebody wanted none.
    pub backup: Option<BackupBefore>,
}

/// Looks at the schema.
///
/// # Errors
/// Any [`StoreError`]; a schema that this program does not know is one.
pub async fn status(store: &dyn StoreAdmin) -> Result<SchemaReport, StoreError> {
    let status = store.migration_status().await?;
    Ok(SchemaReport {
        database: store.describe(),
        current: status.current,
        latest: status.latest,
        works_from: status.works_from,
        applied: status.applied.iter().map(Step::from).collect(),
        pending: status.pending.into_iter().map(Step::from).collect(),
    })
}

/// How to migrate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MigrateOptions {
    /// Say what would be done, and do nothing.
    pub dry_run: bool,
    /// Go on where data would be lost, or may be.
    pub accept_data_loss: bool,
}

/// Why a schema was not migrated.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database. Migrations that were applied, or reverted, before the one that failed stay so.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Data would be lost, or may be, and nobody has accepted that. Nothing was changed.
    #[error("data would be lost")]
    LosesData(Box<PlanReport>),
}

/// Applies migrations up to and including `to`, all of them by default.
///
/// # Errors
/// See [`MigrateError`].
pub async fn up(
    store: &dyn StoreAdmin,
    to: Option<u32>,
    options: MigrateOptions,
) -> Result<MigrationReport, MigrateError> {
    let before = status(store).await?;
    let target = known(to.unwrap_or(before.latest), &before)?;
    let mut steps: Vec<Step> = before.pending.into_iter().filter(|step| step.version <= target).collect();
    if !options.dry_run && !steps.is_empty() {
        accepted(plan(store, Some(target)).await?, options)?;
        steps = store.migrate_up(to).await?.iter().map(Step::from).collect();
    }
    let to = target.max(before.current);
    Ok(report(before.database, Direction::Up, options.dry_run, before.current, to, steps))
}

/// Reverts migrations down to, not including, `to`, also those that this program does not carry.
///
/// # Errors
/// See [`MigrateError`].
pub async fn down(
    store: &dyn StoreAdmin,
    to: u32,
    options: MigrateOptions,
) -> Result<MigrationReport, MigrateError> {
    let planned = store.migration_plan(Some(to)).await?;
    let from = planned.from;
    if to >= from {
        let nothing = Vec::new();
        return Ok(report(store.describe(), Direction::Down, options.dry_run, from, from, nothing));
    }
    let steps = if options.dry_run {
        planned.steps.iter().map(Step::from).collect()
    } else {
        accepted(PlanReport::new(store.describe(), planned), options)?;
        store.migrate_down(to).await?.iter().map(Step::from).collect()
    };
    Ok(report(store.describe(), Direction::Down, options.dry_run, from, to, steps))
}

fn accepted(plan: PlanReport, options: MigrateOptions) -> Result<(), MigrateError> {
    if plan.loses_data && !options.accept_data_loss {
        return Err(MigrateError::LosesData(Box::new(plan)));
    }
    Ok(())
}

fn known(version: u32, schema: &SchemaReport) -> Result<u32, StoreError> {
    if version <= schema.latest { Ok(version) } else { Err(StoreError::UnknownMigration(version)) }
}

fn report(
    database: String,
    direction: Direction,
    dry_run: bool,
    from: u32,
    to: u32,
    steps: Vec<Step>,
) -> MigrationReport {
    MigrationReport { database, direction, dry_run, from, to, steps, backup: None }
}

impl From<&AppliedMigration> for Step {
    fn from(applied: &AppliedMigration) -> Self {
        Self { version: applied.version, name: applied.name.clone(), applied_at: Some(applied.applied_at) }
    }
}

impl From<&PlannedStep> for Step {
    fn from(planned: &PlannedStep) -> Self {
        Self { version: planned.version, name: planned.name.clone(), applied_at: None }
    }
}

impl From<(u32, String)> for Step {
    fn from((version, name): (u32, String)) -> Self {
        Self { version, name, applied_at: None }
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, current, latest, works_from, .. } = self;
        write!(f, "{database}: schema version {current} of {latest}")?;
        if works_from < current {
            write!(f, "; programs of version {works_from} work on it, too")?;
        }
        for step in &self.applied {
            write!(f, "\n  applied  {}", step.name)?;
            if let Some(at) = step.applied_at {
                write!(f, "  {at:.0}")?;
            }
        }
        self.pending.iter().try_for_each(|step| write!(f, "\n  pending  {}", step.name))
    }
}

impl fmt::Display for MigrationReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, from, to, .. } = self;
        let verb = match (self.direction, self.dry_run) {
            (Direction::Up, false) => "applied",
            (Direction::Up, true) => "would apply",
            (Direction::Down, false) => "reverted",
            (Direction::Down, true) => "would revert",
        };
        match (self.steps.is_empty(), self.dry_run) {
            (true, _) => return write!(f, "{database}: nothing to do at schema version {from}"),
            (false, false) => write!(f, "{database}: schema version {from} → {to}")?,
            (false, true) => write!(f, "{database}: schema version {from} would become {to}")?,
        }
        if let Some(backup) = &self.backup {
            write!(f, "\n  backup   {}, verified", backup.id)?;
        }
        self.steps.iter().try_for_each(|step| write!(f, "\n  {verb}  {}", step.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_reads_as_one() {
        let step = Step { version: 1, name: "0001_tasks".to_owned(), applied_at: None };
        let planned = report("sqlite:x.db".to_owned(), Direction::Down, true, 1, 0, vec![step]);
        assert_eq!(
            planned.to_string(),
            "sqlite:x.db: schema version 1 would become 0\n  would revert  0001_tasks"
        );
        let nothing = MigrationReport { steps: Vec::new(), ..planned };
        assert_eq!(nothing.to_string(), "sqlite:x.db: nothing to do at schema version 1");
    }
}
