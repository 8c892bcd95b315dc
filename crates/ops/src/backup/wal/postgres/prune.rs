//! Segments that no backup needs any more.

use std::fs;

use super::archive::{Archive, ENDING, UNFINISHED, names};
use super::log::completion;
use super::segment::{LogFile, Segment};
use super::tail::Tail;
use crate::backup::{BackupError, BackupSettings, Engine, Manifest};

/// Removes, or would, what lies before the oldest of the backups that are kept, and what interrupted writes have left.
/// Answers how many files and bytes. Without a backup that says where it is complete, everything stays.
pub(in crate::backup) fn prune(
    settings: &BackupSettings,
    kept: &[&Manifest],
    dry_run: bool,
) -> Result<(usize, u64), BackupError> {
    let archive = Archive::new(&settings.dir);
    let Ok(Some(tail)) = Tail::read(&archive) else { return Ok((0, 0)) };
    let needed = |base: &&Manifest| {
        let (timeline, complete) = completion(settings, base)?;
        Some(Segment::holding(timeline, complete, tail.segment_bytes).place())
    };
    let bases =
        kept.iter().filter(|base| base.engine == Engine::PostgresBase && base.in_repository.is_none());
    let positions: Option<Vec<_>> = bases.map(needed).collect();
    let Some(first) = positions.and_then(|positions| positions.into_iter().min()) else { return Ok((0, 0)) };
    let own = format!(".{}{UNFINISHED}", std::process::id());
    let (mut files, mut bytes) = (0, 0);
    for name in names(archive.dir()) {
        let is_left = name.ends_with(UNFINISHED) && !name.ends_with(&own) && is_old(&archive, &name);
        if !is_left && !is_before(&name, first) {
            continue;
        }
        let path = archive.dir().join(&name);
        bytes += path.metadata().map_or(0, |it| it.len());
        files += 1;
        if !dry_run {
            fs::remove_file(&path).map_err(BackupError::io("cannot remove", &path))?;
        }
    }
    Ok((files, bytes))
}

/// Whether this is a segment, or a note on one, before a place in the log. How timelines came to be is kept.
fn is_before(name: &str, first: (u32, u32)) -> bool {
    let Some(name) = name.strip_suffix(ENDING) else { return false };
    let segment = match name.parse() {
        Ok(LogFile::Segment(segment) | LogFile::Partial(segment)) => Some(segment),
        Ok(LogFile::Label) => name.get(..24).and_then(|name| name.parse().ok()),
        _ => None,
    };
    segment.is_some_and(|segment: Segment| segment.place() < first)
}

/// Whether nobody can be writing it any more: the process whose number it has is gone.
fn is_old(archive: &Archive, name: &str) -> bool {
    let process = name.strip_suffix(UNFINISHED).and_then(|name| name.rsplit('.').next());
    let runs = process.is_some_and(|process| std::path::Path::new("/proc").join(process).exists());
    !runs && archive.dir().join(name).is_file()
}
