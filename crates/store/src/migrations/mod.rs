//! Schema migrations: numbered, immutable, reversible, one transaction each.
//!
//! The texts are in `crates/store/migrations/<database>/NNNN_name.{up,down}.sql` and are compiled in. A
//! database remembers the SHA-256 of each up file it was given; a file that was changed afterwards is
//! refused, since nobody knows what such a database looks like.
//!
//! Schemas expand first and contract a release later. A database also remembers which programs can go on working on
//! it, which follows from what the statements do ([`only_expands`]), and the text that leads back: so a
//! program can work on a schema that a later release has only added to, and can take it back without that release.

pub mod plan;
pub mod statement;

use sha2::{Digest, Sha256};

pub use plan::{Direction, Lock, Loss, MigrationPlan, PlannedStatement, PlannedStep, Work};
pub use statement::{Action, Statement, only_expands, statements};

use crate::{AppliedMigration, MigrationStatus, StoreError};

/// One step of the schema.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// Its number, from 1 without gaps.
    pub version: u32,
    /// What it does, in a few words with underscores.
    pub name: &'static str,
    /// The SQL that applies it.
    pub up: &'static str,
    /// The SQL that reverts it.
    pub down: &'static str,
}

impl Migration {
    /// SHA-256 of the up file.
    pub fn checksum(&self) -> [u8; 32] {
        checksum(self.up)
    }
}

/// A migration as a database remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// What everybody may know.
    pub applied: AppliedMigration,
    /// The schema version from which on programs can work on a database that has this migration; its own
    /// version unless it only adds. `None` where an older build of this program has applied it.
    pub works_from: Option<u32>,
    /// The text that reverts it, and the SHA-256 that text had when it was kept.
    pub down: Option<(String, [u8; 32])>,
}

impl Recorded {
    /// The kept text, if it is what was kept.
    fn kept_down(&self) -> Result<Option<&str>, StoreError> {
        match &self.down {
            Some((sql, kept)) if checksum(sql) == *kept => Ok(Some(sql)),
            Some(_) => Err(changed(&self.applied)),
            None => Ok(None),
        }
    }
}

/// A step from one schema version to the next, or back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The migration's number.
    pub version: u32,
    /// The migration's name.
    pub name: String,
    /// What is run.
    pub sql: String,
}

impl From<&Migration> for Step {
    fn from(migration: &Migration) -> Self {
        Self { version: migration.version, name: migration.name.to_owned(), sql: migration.up.to_owned() }
    }
}

/// SHA-256 of a migration's text.
pub fn checksum(sql: &str) -> [u8; 32] {
    Sha256::digest(sql.as_bytes()).into()
}

/// The schema version from which on programs can work on a database that has `migration`.
pub fn works_from(carried: &[Migration], migration: &Migration) -> u32 {
    let before = carried.iter().rev().find(|other| other.version < migration.version);
    match before {
        Some(before) if only_expands(&statements(migration.up)) => works_from(carried, before),
        _ => migration.version,
    }
}

/// Declares a migration from its two files.
macro_rules! migration {
    ($database:literal, $version:literal, $name:literal) => {
        $crate::migrations::Migration {
            version: $version,
            name: $name,
            up: include_str!(concat!("../../migrations/", $database, "/", $name, ".up.sql")),
            down: include_str!(concat!("../../migrations/", $database, "/", $name, ".down.sql")),
        }
    };
}
pub(crate) use migration;

/// Compares what a database was given with what this program carries.
///
/// # Errors
/// [`StoreError::SchemaTooNew`] when the database has a migration that is not carried and that programs as old as
/// this one cannot work with, [`StoreError::MigrationChanged`] when one was applied with another text.
pub fn compare(carried: &[Migration], recorded: &[Recorded]) -> Result<MigrationStatus, StoreError> {
    let latest = latest(carried);
    let current = recorded.last().map_or(0, |last| last.applied.version);
    for done in recorded {
        let version = done.applied.version;
        if version > latest {
            if done.works_from.is_none_or(|works_from| works_from > latest) {
                return Err(StoreError::SchemaTooNew { found: current, known: latest });
            }
            continue;
        }
        let known = carried.iter().find(|migration| migration.version == version);
        if known.is_none_or(|migration| migration.checksum() != done.applied.checksum) {
            return Err(changed(&done.applied));
        }
    }
    let pending = carried
        .iter()
        .filter(|migration| migration.version > current)
        .map(|migration| (migration.version, migration.name.to_owned()))
        .collect();
    let oldest = |done: &Recorded| done.works_from.unwrap_or(done.applied.version);
    let works_from = recorded.iter().map(oldest).max().unwrap_or(0);
    let applied = recorded.iter().map(|done| done.applied.clone()).collect();
    Ok(MigrationStatus { current, latest, works_from, applied, pending })
}

/// Checks that a database has at least the migrations this program carries.
///
/// # Errors
/// As [`compare`], and [`StoreError::SchemaTooOld`] when some are missing.
pub fn require_current(status: &MigrationStatus) -> Result<(), StoreError> {
    if status.current < status.latest {
        return Err(StoreError::SchemaTooOld { found: status.current, needed: status.latest });
    }
    Ok(())
}

/// The migrations to apply to get from `current` to `to`, which is the latest by default.
///
/// # Errors
/// [`StoreError::UnknownMigration`] when `to` names none.
pub fn upwards(carried: &[Migration], current: u32, to: Option<u32>) -> Result<Vec<Migration>, StoreError> {
    let latest = latest(carried);
    let to = to.unwrap_or(latest);
    if to > latest {
        return Err(StoreError::UnknownMigration(to));
    }
    Ok(carried.iter().copied().filter(|m| m.version > current && m.version <= to).collect())
}

/// The steps to get back to `to`, latest first. A migration that this program does not carry is reverted by the text
/// that was kept when it was applied.
///
/// # Errors
/// [`StoreError::UnknownMigration`] when `to` names none, [`StoreError::MigrationChanged`] when a migration was
/// applied with another text than this program's, or its kept text is no longer what was kept, and
/// [`StoreError::SchemaTooNew`] when there is no text to revert one with.
pub fn downwards(carried: &[Migration], recorded: &[Recorded], to: u32) -> Result<Vec<Step>, StoreError> {
    let latest = latest(carried);
    let current = recorded.last().map_or(0, |last| last.applied.version);
    if to > latest.max(current) {
        return Err(StoreError::UnknownMigration(to));
    }
    let back = recorded.iter().rev().filter(|done| done.applied.version > to);
    back.map(|done| {
        let applied = &done.applied;
        let sql = match carried.iter().find(|migration| migration.version == applied.version) {
            Some(known) if known.checksum() == applied.checksum => known.down,
            Some(_) => return Err(changed(applied)),
            None => done.kept_down()?.ok_or(StoreError::SchemaTooNew { found: current, known: latest })?,
        };
        Ok(Step { version: applied.version, name: applied.name.clone(), sql: sql.to_owned() })
    })
    .collect()
}

/// The tables and indexes that a database has after these migrations, apart from those that its keys bring along.
pub fn expected_objects(carried: &[Migration]) -> Vec<String> {
    let mut objects: Vec<(String, String)> = Vec::new();
    let statements = carried.iter().flat_map(|migration| statements(migration.up));
    for action in statements.flat_map(|statement| statement.actions) {
        match action {
            Action::CreateTable { table } => objects.push((table.clone(), table)),
            Action::CreateIndex { index, table, .. } => objects.push((index, table)),
            // Its indexes go with it.
            Action::DropTable { table } => objects.retain(|(_, of)| *of != table),
            Action::DropIndex { index } => objects.retain(|(name, _)| *name != index),
            _ => {}
        }
    }
    objects.into_iter().map(|(name, _)| name).collect()
}

fn latest(carried: &[Migration]) -> u32 {
    carried.last().map_or(0, |migration| migration.version)
}

fn changed(applied: &AppliedMigration) -> StoreError {
    StoreError::MigrationChanged { version: applied.version, name: applied.name.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARRIED: [Migration; 2] = [
        Migration { version: 1, name: "0001_first", up: "CREATE TABLE a (c text)", down: "DROP TABLE a" },
        Migration { version: 2, name: "0002_second", up: "CREATE INDEX i ON a (c)", down: "DROP INDEX i" },
    ];

    fn recorded(migration: &Migration) -> Recorded {
        Recorded {
            applied: AppliedMigration {
                version: migration.version,
                name: migration.name.to_owned(),
                checksum: migration.checksum(),
                applied_at: taskward_core::Timestamp::UNIX_EPOCH,
            },
            works_from: Some(works_from(&CARRIED, migration)),
            down: Some((migration.down.to_owned(), checksum(migration.down))),
        }
    }

    fn both() -> Vec<Recorded> {
        CARRIED.iter().map(recorded).collect()
    }

    #[test]
    fn a_changed_file_is_refused() {
        let mut changed = both();
        changed[0].applied.checksum = [0; 32];
        let found = compare(&CARRIED, &changed);
        assert!(matches!(found, Err(StoreError::MigrationChanged { version: 1, .. })));
        assert!(matches!(downwards(&CARRIED, &changed, 0), Err(StoreError::MigrationChanged { .. })));
    }

    #[test]
    fn a_schema_that_was_only_added_to_is_one_to_work_on() {
        let older = &CARRIED[..1];
        let status = compare(older, &both()).expect("an index more is no harm");
        assert_eq!((status.current, status.latest, status.pending.len()), (2, 1, 0));
        require_current(&status).expect("current enough");
        assert!(upwards(older, 2, None).expect("nothing to do").is_empty());
        for works_from in [Some(2), None] {
            let mut newer = both();
            newer[1].works_from = works_from;
            let found = compare(older, &newer);
            assert!(matches!(found, Err(StoreError::SchemaTooNew { found: 2, known: 1 })), "{found:?}");
        }
    }

    #[test]
    fn what_is_not_carried_goes_back_by_the_text_that_was_kept() {
        let older = &CARRIED[..1];
        let sql = |steps: Vec<Step>| steps.into_iter().map(|step| step.sql).collect::<Vec<_>>();
        assert_eq!(sql(downwards(older, &both(), 0).expect("both")), ["DROP INDEX i", "DROP TABLE a"]);
        let mut other = both();
        other[1].down = Some(("DROP TABLE a".to_owned(), checksum("DROP INDEX i")));
        let refused = downwards(older, &other, 1);
        assert!(matches!(refused, Err(StoreError::MigrationChanged { version: 2, .. })), "{refused:?}");
        other[1].down = None;
        let refused = downwards(older, &other, 1);
        assert!(matches!(refused, Err(StoreError::SchemaTooNew { found: 2, known: 1 })), "{refused:?}");
    }

    #[test]
    fn plans_up_and_down() {
        let versions = |plan: Vec<Migration>| plan.iter().map(|m| m.version).collect::<Vec<_>>();
        assert_eq!(versions(upwards(&CARRIED, 0, None).expect("plan")), [1, 2]);
        assert!(upwards(&CARRIED, 1, Some(1)).expect("plan").is_empty());
        assert!(matches!(upwards(&CARRIED, 0, Some(9)), Err(StoreError::UnknownMigration(9))));
        assert!(matches!(downwards(&CARRIED, &both(), 9), Err(StoreError::UnknownMigration(9))));
    }

    #[test]
    fn objects_are_those_that_were_made_and_not_dropped() {
        assert_eq!(expected_objects(&CARRIED), ["a", "i"]);
        let dropped = Migration { version: 3, name: "0003_third", up: "DROP TABLE a", down: "" };
        assert!(expected_objects(&[&CARRIED[..], &[dropped]].concat()).is_empty());
    }
}
