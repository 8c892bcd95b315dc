//! `taskward backup verify`: whether every file of a backup is what it was.

use std::io;

use serde::Serialize;
use taskward_core::Timestamp;
use tokio::task::spawn_blocking;

use super::manifest::problem;
use super::{
    BackupError, BackupSettings, Catalogue, FileEntry, FileFault, FileProblem, Listener, Manifest, Progress,
    Which, files, pgbackrest, wal,
};

/// A backup whose files are all what they were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Its id.
    pub id: String,
    /// How many files were read.
    pub files: usize,
    /// How many bytes.
    pub bytes: u64,
    /// How many files of the log after it were read too.
    pub log_files: usize,
    /// How many bytes of that.
    pub log_bytes: u64,
}

/// Reads every file of a backup, and of the log that goes on from it, and compares them with what they were.
///
/// # Errors
/// [`BackupError::NotFound`]; [`BackupError::Damaged`] with everything that is wrong.
pub async fn verify_with_log(
    settings: &BackupSettings,
    which: &Which,
    listener: &Listener,
) -> Result<Verified, BackupError> {
    let (mut verified, manifest) = verify(&Catalogue::new(&settings.dir), which, listener).await?;
    (verified.log_files, verified.log_bytes) = verify_log(settings, manifest, None, listener).await?;
    Ok(verified)
}

/// Reads the log from a backup on, to a moment or to its end: how many files and bytes that were.
pub(super) async fn verify_log(
    settings: &BackupSettings,
    base: Manifest,
    to: Option<Timestamp>,
    listener: &Listener,
) -> Result<(usize, u64), BackupError> {
    let (settings, listener) = (settings.clone(), listener.clone());
    super::engine::join(spawn_blocking(move || wal::verify(&settings, &base, to, &listener))).await
}

/// Reads every file of a backup, and compares it with the manifest.
///
/// # Errors
/// [`BackupError::NotFound`]; [`BackupError::Damaged`] with everything that is wrong.
pub async fn verify(
    catalogue: &Catalogue,
    which: &Which,
    listener: &Listener,
) -> Result<(Verified, Manifest), BackupError> {
    let (own, which) = (catalogue.clone(), which.clone());
    let manifest = super::engine::join(spawn_blocking(move || own.find(&which))).await?;
    verify_files(catalogue, &manifest, |_| true, listener).await?;
    let (id, files, bytes) = (manifest.id.clone(), manifest.files.len(), manifest.bytes());
    Ok((Verified { id, files, bytes, log_files: 0, log_bytes: 0 }, manifest))
}

/// Reads those files of a backup that are wanted, and compares them with its manifest.
pub(super) async fn verify_files(
    catalogue: &Catalogue,
    manifest: &Manifest,
    wanted: impl Fn(&str) -> bool + Send + 'static,
    listener: &Listener,
) -> Result<(), BackupError> {
    let (catalogue, own, listener) = (catalogue.clone(), manifest.clone(), listener.clone());
    let work = move || files_of(&catalogue, &own, wanted, &listener);
    super::engine::join(spawn_blocking(work)).await?;
    let Some(of) = &manifest.in_repository else { return Ok(()) };
    let copied = manifest.files.iter().find(|file| file.name == pgbackrest::MANIFEST);
    let sha256 = copied.map(|file| file.sha256.as_str()).unwrap_or_default();
    let problems = pgbackrest::verify(of, sha256).await?;
    if problems.is_empty() { Ok(()) } else { Err(BackupError::Damaged { id: manifest.id.clone(), problems }) }
}

/// As [`verify_files`], for callers that may block; what a repository has is left out.
pub(super) fn files_of(
    catalogue: &Catalogue,
    manifest: &Manifest,
    wanted: impl Fn(&str) -> bool,
    listener: &Listener,
) -> Result<(), BackupError> {
    let (total, mut done) = (manifest.bytes(), 0);
    listener(Progress::Stage("verifying"));
    let dir = catalogue.path(&manifest.id);
    let mut problems = Vec::new();
    for file in manifest.files.iter().filter(|file| wanted(&file.name)) {
        let hashed = files::hash(&dir.join(&file.name), &mut |bytes| {
            done += bytes;
            listener(Progress::Bytes { done, total });
        });
        problems.extend(compared(file, hashed));
    }
    if problems.is_empty() { Ok(()) } else { Err(BackupError::Damaged { id: manifest.id.clone(), problems }) }
}

/// How a file differs from what it was, by its length and checksum; `None` when it does not.
pub(super) fn compared(file: &FileEntry, hashed: io::Result<(u64, String)>) -> Option<FileProblem> {
    match hashed {
        Err(error) => Some(problem(&file.name, &error)),
        Ok((bytes, _)) if bytes != file.bytes => {
            Some(changed(&file.name, format!("has {bytes} bytes, not {}", file.bytes)))
        }
        Ok((_, sha256)) if sha256 != file.sha256 => {
            Some(changed(&file.name, "does not have the checksum it had".to_owned()))
        }
        Ok(_) => None,
    }
}

/// A file that the manifest should have, and has not.
pub(super) fn absent(name: &str) -> FileProblem {
    problem(name, &io::ErrorKind::NotFound.into())
}

fn changed(file: &str, detail: String) -> FileProblem {
    FileProblem { file: file.to_owned(), fault: FileFault::Changed, detail }
}
