//! Schema migrations: numbered, immutable, reversible, one transaction each.
//!
//! The texts are in `crates/store/migrations/<database>/NNNN_name.{up,down}.sql` and are compiled in. A
//! database remembers the SHA-256 of each up file it was given; a file that was changed afterwards is
//! refused, since nobody knows what such a database looks like.

use sha2::{Digest, Sha256};

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
        Sha256::digest(self.up.as_bytes()).into()
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
/// [`StoreError::SchemaTooNew`] when the database has a migration that is not carried,
/// [`StoreError::MigrationChanged`] when one was applied with another text.
pub fn compare(carried: &[Migration], applied: Vec<AppliedMigration>) -> Result<MigrationStatus, StoreError> {
    let latest = carried.last().map_or(0, |migration| migration.version);
    let current = applied.last().map_or(0, |migration| migration.version);
    if current > latest {
        return Err(StoreError::SchemaTooNew { found: current, known: latest });
    }
    for done in &applied {
        let known = carried.iter().find(|migration| migration.version == done.version);
        if known.is_none_or(|migration| migration.checksum() != done.checksum) {
            return Err(StoreError::MigrationChanged { version: done.version, name: done.name.clone() });
        }
    }
    let pending = carried
        .iter()
        .filter(|migration| migration.version > current)
        .map(|migration| (migration.version, migration.name.to_owned()))
        .collect();
    Ok(MigrationStatus { current, latest, applied, pending })
}

/// Checks that a database has exactly the migrations this program carries.
///
/// # Errors
/// As [`compare`], and [`StoreError::SchemaTooOld`] when some are missing.
pub fn require_current(status: &MigrationStatus) -> Result<(), StoreError> {
    if status.current < status.latest {
        return Err(StoreError::SchemaTooOld { found: status.current, needed: status.latest });
    }
    Ok(())
}

/// The migrations to apply to get from `current` to `to`.
///
/// # Errors
/// [`StoreError::UnknownMigration`] when `to` names none.
pub fn upwards(carried: &[Migration], current: u32, to: Option<u32>) -> Result<Vec<Migration>, StoreError> {
    let target = target(carried, to)?;
    Ok(carried.iter().copied().filter(|m| m.version > current && m.version <= target).collect())
}

/// The migrations to revert to get from `current` down to `to`, latest first.
///
/// # Errors
/// [`StoreError::UnknownMigration`] when `to` names none.
pub fn downwards(carried: &[Migration], current: u32, to: u32) -> Result<Vec<Migration>, StoreError> {
    let target = target(carried, Some(to))?;
    Ok(carried.iter().rev().copied().filter(|m| m.version <= current && m.version > target).collect())
}

fn target(carried: &[Migration], to: Option<u32>) -> Result<u32, StoreError> {
    let latest = carried.last().map_or(0, |migration| migration.version);
    match to {
        None => Ok(latest),
        Some(version) if version <= latest => Ok(version),
        Some(version) => Err(StoreError::UnknownMigration(version)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CARRIED: [Migration; 2] = [
        Migration { version: 1, name: "0001_first", up: "a", down: "b" },
        Migration { version: 2, name: "0002_second", up: "c", down: "d" },
    ];

    fn applied(migration: &Migration) -> AppliedMigration {
        AppliedMigration {
            version: migration.version,
            name: migration.name.to_owned(),
            checksum: migration.checksum(),
            applied_at: taskward_core::Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_newer_schema_and_a_changed_file_are_refused() {
        let newer = AppliedMigration { version: 3, ..applied(&CARRIED[1]) };
        let found = compare(&CARRIED, vec![applied(&CARRIED[0]), applied(&CARRIED[1]), newer]);
        assert!(matches!(found, Err(StoreError::SchemaTooNew { found: 3, known: 2 })));
        let changed = AppliedMigration { checksum: [0; 32], ..applied(&CARRIED[0]) };
        let found = compare(&CARRIED, vec![changed]);
        assert!(matches!(found, Err(StoreError::MigrationChanged { version: 1, .. })));
    }

    #[test]
    fn plans_up_and_down() {
        let versions = |plan: Vec<Migration>| plan.iter().map(|m| m.version).collect::<Vec<_>>();
        assert_eq!(versions(upwards(&CARRIED, 0, None).expect("plan")), [1, 2]);
        assert!(upwards(&CARRIED, 1, Some(1)).expect("plan").is_empty());
        assert_eq!(versions(downwards(&CARRIED, 2, 0).expect("plan")), [2, 1]);
        assert!(matches!(upwards(&CARRIED, 0, Some(9)), Err(StoreError::UnknownMigration(9))));
    }
}
