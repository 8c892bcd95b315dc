//! How a server on a restored backup is told to recover from the archived log, and where to stop.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use taskward_core::Timestamp;
use tokio::process::Command;

use super::archive::{Archive, names};
use super::log::{Log, completion};
use super::reach::{Aim, aim};
use super::segment::LogFile;
use super::{damaged, one};
use crate::backup::postgres::ServerUser;
use crate::backup::{BackupError, BackupSettings, Manifest};

/// The file that makes a server recover from an archive.
const SIGNAL: &str = "recovery.signal";

/// What a server is told beside its other settings.
pub(in crate::backup) struct Recovery {
    pub(in crate::backup) settings: Vec<(&'static str, String)>,
    _copies: Option<Copies>,
}

/// Copies of the files that a recovery reads, for a server whose user may not read the archive. Removed when dropped.
struct Copies(PathBuf);

impl Drop for Copies {
    fn drop(&mut self) {
        // It is beside the restored data, and named by it.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Makes a restored data directory recover from the log: to a moment, or only to where the backup is complete. Either way a
/// new timeline begins, so that what is written next is never taken for what was written before. `None` where there is no log.
pub(in crate::backup) async fn prepare(
    settings: &BackupSettings,
    base: &Manifest,
    to: Option<Timestamp>,
    (data, user): (&Path, ServerUser),
) -> Result<Option<Recovery>, BackupError> {
    let archive = Archive::new(&settings.dir);
    let aim = match to {
        Some(to) => Some(reached(&archive, settings, base, to)?),
        None if archive.dir().is_dir() => None,
        None => return Ok(None),
    };
    let timeline = aim.as_ref().map(|aim| aim.way.line.timeline);
    let timeline = timeline.or(completion(settings, base).map(|(own, _)| own)).unwrap_or(1);
    let copies =
        if user == ServerUser::own() { None } else { Some(copy(&archive, aim.as_ref(), data, user)?) };
    let from = copies.as_ref().map_or(settings.dir.as_path(), |copies| &copies.0);
    let command = restore_command(from, user).await?;
    let mut told = vec![
        ("restore_command", command),
        ("hot_standby", "off".to_owned()),
        ("recovery_target_action", "promote".to_owned()),
        ("recovery_target_timeline", timeline.to_string()),
    ];
    // What the original was told of a recovery of its own.
    for name in ["recovery_target_name", "recovery_target_xid", "recovery_target_time"] {
        told.push((name, String::new()));
    }
    match aim.and_then(|aim| aim.commit) {
        Some(commit) => {
            told.push(("recovery_target", String::new()));
            told.push(("recovery_target_inclusive", "on".to_owned()));
            told.push(("recovery_target_lsn", commit.position.to_string()));
        }
        None => {
            told.push(("recovery_target_lsn", String::new()));
            told.push(("recovery_target", "immediate".to_owned()));
        }
    }
    let signal = data.join(SIGNAL);
    fs::write(&signal, b"").map_err(BackupError::io("cannot write", &signal))?;
    user.give(&signal)?;
    Ok(Some(Recovery { settings: told, _copies: copies }))
}

fn reached(
    archive: &Archive,
    settings: &BackupSettings,
    base: &Manifest,
    to: Timestamp,
) -> Result<Aim, BackupError> {
    let no_log = || BackupError::NoLog(format!("{} does not lead to {to} any more", base.id));
    let log = Log::open(archive.clone()).map_err(one)?.ok_or_else(no_log)?;
    aim(settings, &log, base, to).map_err(one)?.ok_or_else(no_log)
}

/// Writes down in the archive how the timelines of a restored cluster came to be, so that no later one gets the number of
/// one of these.
pub(in crate::backup) fn keep_histories(settings: &BackupSettings, data: &Path) -> Result<(), BackupError> {
    let archive = Archive::new(&settings.dir);
    if !archive.dir().is_dir() {
        return Ok(());
    }
    let log = data.join("pg_wal");
    for name in names(&log).into_iter().filter(|name| is_history(name)) {
        let path = log.join(&name);
        let content = fs::read(&path).map_err(BackupError::io("cannot read", &path))?;
        archive.put(&name, &content)?;
    }
    Ok(())
}

fn is_history(name: &str) -> bool {
    matches!(name.parse(), Ok(LogFile::History(_)))
}

fn copy(archive: &Archive, aim: Option<&Aim>, data: &Path, user: ServerUser) -> Result<Copies, BackupError> {
    let copies = Copies(PathBuf::from(format!("{}.log", data.display())));
    let target = Archive::new(&copies.0);
    for dir in [&copies.0, &copies.0.join("wal"), target.dir(), &target.incoming()] {
        user.make_dir(dir)?;
    }
    let segments = aim.into_iter().flat_map(|aim| &aim.way.segments).map(ToString::to_string);
    let histories = archive.timelines().into_iter().map(|timeline| format!("{timeline:08X}.history"));
    for name in segments.chain(histories) {
        // One that was being received may be closed, and archived, while we look.
        for _ in 0..3 {
            let Some(found) = archive.find(&name) else {
                return Err(damaged(vec![super::missing(&archive.path(&name))]));
            };
            let from = found.path();
            let to = target.dir().join(from.strip_prefix(archive.dir()).unwrap_or(from));
            match fs::copy(from, &to) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => {
                    copied.map_err(BackupError::io("cannot write", &to))?;
                    user.give(&to)?;
                    break;
                }
            }
        }
    }
    Ok(copies)
}

/// Our own program, which the server's user must be able to run.
async fn restore_command(backups: &Path, user: ServerUser) -> Result<String, BackupError> {
    let failed = |why: String| BackupError::Program { program: "taskward backup fetch-wal".to_owned(), why };
    let program = std::env::current_exe().map_err(|error| failed(error.to_string()))?;
    let backups = std::path::absolute(backups).map_err(BackupError::io("cannot find", backups))?;
    let mut command = Command::new(&program);
    command
        .arg("--version")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    user.apply(&mut command);
    match command.status().await {
        Ok(status) if status.success() => {}
        Ok(status) => return Err(failed(format!("the server's user cannot run it: {status}"))),
        Err(error) => {
            return Err(failed(format!("the server's user cannot run {}: {error}", program.display())));
        }
    }
    Ok(format!("{} backup fetch-wal --dir {} %f %p", quoted(&program), quoted(&backups)))
}

/// A path as a word of the shell that PostgreSQL runs the command with, which has a meaning for `%` of its own.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''").replace('%', "%%"))
}
