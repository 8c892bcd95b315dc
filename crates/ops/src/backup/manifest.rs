//! What a backup says of itself.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use taskward_core::Timestamp;
use taskward_store::Census;

use super::wal::LogStart;
use super::{BackupError, Engine, FileFault, FileProblem, InRepository, files};

/// Its name in a backup.
pub(super) const MANIFEST: &str = "manifest.json";
/// The checksums of all files of a backup, the manifest included, as `sha256sum --check` reads them.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The notation of manifests that this program writes and reads.
const FORMAT: u32 = 1;

/// What a backup is a copy of, and what it is made of. Holds no secret.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    /// The notation.
    pub format: u32,
    /// The backup's id: the second it began in.
    pub id: String,
    /// What somebody called it.
    pub label: Option<String>,
    /// How it was made.
    pub engine: Engine,
    /// The version of the program that made it.
    pub program: String,
    /// The version of the database's schema.
    pub schema: u32,
    /// The database it is a copy of.
    pub database: String,
    /// PostgreSQL: the server's major version.
    pub server_major: Option<u32>,
    /// PostgreSQL: the role, and the name of the database.
    pub server_role: Option<(String, String)>,
    /// When it began. Everything that was acknowledged by then is in it.
    pub point_at: Timestamp,
    /// When it was complete.
    pub finished_at: Timestamp,
    /// pgBackRest: which backup of its repository it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_repository: Option<InRepository>,
    /// PostgreSQL: the part of the log it needs.
    pub position: Option<Position>,
    /// SQLite: where its log goes on from this; `None` where it is not kept.
    #[serde(default)]
    pub(super) log: Option<LogStart>,
    /// How large the database was, and will be.
    pub data_bytes: u64,
    /// Its files.
    pub files: Vec<FileEntry>,
    /// What it holds.
    pub rows: Rows,
}

/// A file of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Its name.
    pub name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
}

/// A range of PostgreSQL's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Where it begins.
    pub start: String,
    /// Where it ends.
    pub end: String,
}

/// What the database held. A base backup is of some moment between the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// When the backup began.
    pub first: Census,
    /// When it was complete; the same as the first where the backup is of one known moment.
    pub last: Census,
}

impl Rows {
    /// Of one known moment.
    pub(super) fn exactly(census: Census) -> Self {
        Self { first: census.clone(), last: census }
    }

    /// How a restored database differs from what it should hold, in sentences; empty when it does not.
    pub(super) fn differences(&self, found: &Census) -> Vec<String> {
        let mut differences = found.contradictions();
        if self.first == self.last {
            compare("table", &self.first.tables, &found.tables, &mut differences);
            compare("state", &self.first.states, &found.states, &mut differences);
            compare("counter", &self.first.counters, &found.counters, &mut differences);
            return differences;
        }
        // These only grow, so the copy lies between.
        for name in ["created", "completed", "cancelled"] {
            let of = |census: &Census| census.counters.get(name).copied().unwrap_or(0);
            let (least, most, has) = (of(&self.first), of(&self.last), of(found));
            if !(least..=most).contains(&has) {
                differences.push(format!("{has} tasks were {name}, not {least} to {most}"));
            }
        }
        differences
    }
}

fn compare<N: PartialEq + Default + Copy + std::fmt::Display>(
    what: &str,
    expected: &BTreeMap<String, N>,
    found: &BTreeMap<String, N>,
    differences: &mut Vec<String>,
) {
    let mut names: Vec<&String> = expected.keys().chain(found.keys()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let of = |all: &BTreeMap<String, N>| all.get(name).copied().unwrap_or_default();
        let (should, does) = (of(expected), of(found));
        if should != does {
            differences.push(format!("{what} {name} has {does}, not {should}"));
        }
    }
}

impl Manifest {
    /// The notation that is written.
    pub(super) const FORMAT: u32 = FORMAT;

    /// How large its files are together, in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Writes it and the checksums into the directory of a backup.
    pub(super) fn write(&self, dir: &Path) -> Result<(), BackupError> {
        let path = dir.join(MANIFEST);
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::from);
        let written = text.and_then(|text| files::write(&path, &text).map(|()| text));
        let text = written.map_err(BackupError::io("cannot write", &path))?;
        let own = (MANIFEST, files::hash_bytes(&text));
        let others = self.files.iter().map(|file| (file.name.as_str(), file.sha256.clone()));
        let sums: String = others.chain([own]).map(|(name, sha256)| format!("{sha256}  {name}\n")).collect();
        let path = dir.join(SUMS);
        files::write(&path, sums.as_bytes()).map_err(BackupError::io("cannot write", &path))
    }

    /// Reads the manifest of a backup, and compares it with the checksums beside it. The other files are not looked
    /// at.
    pub(super) fn read(dir: &Path, id: &str) -> Result<Self, Vec<FileProblem>> {
        let (text, sums) = match (read(dir, MANIFEST), read(dir, SUMS)) {
            (Ok(text), Ok(sums)) => (text, sums),
            (text, sums) => return Err([text.err(), sums.err()].into_iter().flatten().collect()),
        };
        let changed = |file: &str, detail: &str| {
            let (file, detail) = (file.to_owned(), detail.to_owned());
            Err(vec![FileProblem { file, fault: FileFault::Changed, detail }])
        };
        let manifest: Self = match serde_json::from_slice(&text) {
            Ok(manifest) => manifest,
            Err(error) => return changed(MANIFEST, &format!("is not what it was: {error}")),
        };
        let sums = String::from_utf8_lossy(&sums);
        let sum = |name: &str| sums.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix("  "));
        match sum(MANIFEST) {
            None => return changed(SUMS, "has no checksum of manifest.json"),
            Some(sha256) if sha256 != files::hash_bytes(&text) => {
                return changed(MANIFEST, "does not have the checksum that SHA256SUMS has of it");
            }
            Some(_) => {}
        }
        let lists = |file: &FileEntry| sum(&file.name) == Some(file.sha256.as_str());
        if !manifest.files.iter().all(lists) || sums.lines().count() != manifest.files.len() + 1 {
            return changed(SUMS, "does not have the checksums that manifest.json has");
        }
        if manifest.id != id || manifest.format != FORMAT {
            return changed(MANIFEST, "is of another backup, or of a newer program");
        }
        Ok(manifest)
    }
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>, FileProblem> {
    fs::read(dir.join(name)).map_err(|error| problem(name, &error))
}

/// Why a file of a backup cannot be read.
pub(super) fn problem(name: &str, error: &io::Error) -> FileProblem {
    let missing = error.kind() == io::ErrorKind::NotFound;
    FileProblem {
        file: name.to_owned(),
        fault: if missing { FileFault::Missing } else { FileFault::Unreadable },
        detail: if missing { "is missing".to_owned() } else { format!("cannot be read: {error}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(created: i64, available: u64) -> Census {
        let mut census = Census::default();
        census.tables.insert("tasks".to_owned(), available);
        census.states.insert("available".to_owned(), available);
        census.counters.insert("available".to_owned(), available.cast_signed());
        census.counters.insert("created".to_owned(), created);
        census
    }

    #[test]
    fn a_known_moment_is_compared_exactly() {
        let rows = Rows::exactly(census(3, 2));
        assert!(rows.differences(&census(3, 2)).is_empty());
        let differences = rows.differences(&census(3, 1));
        assert!(differences.contains(&"table tasks has 1, not 2".to_owned()), "{differences:?}");
        assert!(differences.contains(&"state available has 1, not 2".to_owned()), "{differences:?}");
    }

    #[test]
    fn a_moment_between_two_is_compared_with_both() {
        let rows = Rows { first: census(3, 2), last: census(9, 5) };
        assert!(rows.differences(&census(5, 7)).is_empty());
        assert_eq!(rows.differences(&census(10, 7)), ["10 tasks were created, not 3 to 9"]);
        let torn = Census { states: BTreeMap::new(), ..census(5, 7) };
        assert_eq!(rows.differences(&torn), ["0 tasks are available, the counters say 7"]);
    }
}
