//! `taskward migrate status|up|down`: the schema as it is, brought up to date, or back.

use std::fmt;

use serde::Serialize;
use taskward_core::Timestamp;
use taskward_store::{AppliedMigration, StoreAdmin, StoreError};

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
    /// Applied migrations, oldest first.
    pub applied: Vec<Step>,
    /// Migrations that are not applied, oldest first.
    pub pending: Vec<Step>,
}

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To a newer schema.
    Up,
    /// To an older schema.
    Down,
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
        applied: status.applied.iter().map(Step::from).collect(),
        pending: status.pending.into_iter().map(Step::from).collect(),
    })
}

/// Applies migrations up to and including `to`, all of them by default.
///
/// # Errors
/// Any [`StoreError`]. Migrations that were applied before the one that failed stay applied.
pub async fn up(
    store: &dyn StoreAdmin,
    to: Option<u32>,
    dry_run: bool,
) -> Result<MigrationReport, StoreError> {
    let before = status(store).await?;
    let target = known(to.unwrap_or(before.latest), &before)?;
    let steps = if dry_run {
        before.pending.into_iter().filter(|step| step.version <= target).collect()
    } else {
        store.migrate_up(to).await?.iter().map(Step::from).collect()
    };
    Ok(report(before.database, Direction::Up, dry_run, before.current, target.max(before.current), steps))
}

/// Reverts migrations down to, not including, `to`.
///
/// # Errors
/// As [`up`].
pub async fn down(store: &dyn StoreAdmin, to: u32, dry_run: bool) -> Result<MigrationReport, StoreError> {
    let before = status(store).await?;
    let target = known(to, &before)?;
    let steps = if dry_run {
        before.applied.into_iter().rev().filter(|step| step.version > target).collect()
    } else {
        store.migrate_down(to).await?.iter().map(Step::from).collect()
    };
    Ok(report(before.database, Direction::Down, dry_run, before.current, target.min(before.current), steps))
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
    MigrationReport { database, direction, dry_run, from, to, steps }
}

impl From<&AppliedMigration> for Step {
    fn from(applied: &AppliedMigration) -> Self {
        Self { version: applied.version, name: applied.name.clone(), applied_at: Some(applied.applied_at) }
    }
}

impl From<(u32, String)> for Step {
    fn from((version, name): (u32, String)) -> Self {
        Self { version, name, applied_at: None }
    }
}

impl fmt::Display for SchemaReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, current, latest, .. } = self;
        write!(f, "{database}: schema version {current} of {latest}")?;
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
