//! SQLite's log: the transactions of its WAL, in the order they were committed in, each with its time.
//!
//! The service archives it (`archive`), into files that follow each other (`journal`, `segment`), and writes down how far it is
//! (`archived`). Files whose chain is unbroken have one name; a chain ends where something is missing, and another begins. A
//! backup knows where it is in a chain (`start`).

mod archive;
mod archived;
mod journal;
mod points;
mod prune;
mod segment;
mod start;
mod walk;

use std::fs;
use std::path::{Path, PathBuf};

use archived::Archived;
use segment::{End, Reader, SegmentId};

use super::DIRECTORY;

pub use archive::{LogEvent, LogListener, archive_log};
pub(super) use points::points;
pub(super) use prune::prune;
pub(in crate::backup) use start::LogStart;
pub(in crate::backup) use walk::roll_forward;
pub(super) use walk::{last_commit, verify};

/// Where the log is, in a directory of backups.
fn directory_in(backups: &Path) -> PathBuf {
    backups.join(DIRECTORY).join("sqlite")
}

/// The files of the log, the oldest first.
fn names(dir: &Path) -> Vec<SegmentId> {
    let entries = fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok);
    let mut names: Vec<SegmentId> =
        entries.filter_map(|entry| SegmentId::parse(entry.file_name().to_str()?)).collect();
    names.sort_unstable();
    names
}

/// The files of a chain from one of them on, whether they are there or not.
fn chain_from(dir: &Path, first: &SegmentId, archived: Option<&Archived>) -> Vec<SegmentId> {
    let there = names(dir).into_iter().filter(|id| id.chain == first.chain).map(|id| id.number).max();
    let said =
        archived.filter(|archived| archived.id.chain == first.chain).map(|archived| archived.id.number);
    // A chain that has ended is said by the one after it to have had so many.
    let after = after_chain(dir, &first.chain).map(|end| end.id.number);
    let last = said.or(after).or(there).unwrap_or(first.number).max(first.number);
    (first.number..=last).map(|number| SegmentId { chain: first.chain.clone(), number }).collect()
}

/// How a file ends, as what comes after it says; `None` when nothing does.
fn end_of(dir: &Path, id: &SegmentId, archived: Option<&Archived>) -> Option<End> {
    if let Some(archived) = archived.filter(|archived| archived.id == *id) {
        return Some(archived.end(None));
    }
    let next = SegmentId { chain: id.chain.clone(), number: id.number + 1 };
    let next = Reader::open(dir, &next).ok().and_then(|next| next.line.after);
    next.or_else(|| after_chain(dir, &id.chain)).filter(|end| end.id == *id)
}

/// How a chain has ended.
fn after_chain(dir: &Path, chain: &str) -> Option<End> {
    let first = names(dir).into_iter().find(|id| id.chain.as_str() > chain && id.number == 1)?;
    Reader::open(dir, &first).ok()?.line.after.filter(|end| end.id.chain == chain)
}
