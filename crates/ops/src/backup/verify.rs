//! `taskward backup verify`: whether every file of a backup is what it was.

use serde::Serialize;
use tokio::task::spawn_blocking;

use super::manifest::problem;
use super::{
    BackupError, Catalogue, FileFault, FileProblem, Listener, Manifest, Progress, Which, files, pgbackrest,
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
    let (catalogue, which, listener) = (catalogue.clone(), which.clone(), listener.clone());
    let work = move || {
        let manifest = catalogue.find(&which)?;
        files_of(&catalogue, &manifest, &listener)?;
        let verified =
            Verified { id: manifest.id.clone(), files: manifest.files.len(), bytes: manifest.bytes() };
        Ok((verified, manifest))
    };
    let (verified, manifest) = super::engine::join(spawn_blocking(work)).await?;
    if let Some(of) = &manifest.in_repository {
        let copied = manifest.files.iter().find(|file| file.name == pgbackrest::MANIFEST);
        let sha256 = copied.map(|file| file.sha256.as_str()).unwrap_or_default();
        let problems = pgbackrest::verify(of, sha256).await?;
        if !problems.is_empty() {
            return Err(BackupError::Damaged { id: manifest.id, problems });
        }
    }
    Ok((verified, manifest))
}

/// Compares the files of a backup with its manifest.
pub(super) fn files_of(
    catalogue: &Catalogue,
    manifest: &Manifest,
    listener: &Listener,
) -> Result<(), BackupError> {
    let (total, mut done) = (manifest.bytes(), 0);
    listener(Progress::Stage("verifying"));
    let dir = catalogue.path(&manifest.id);
    let mut problems = Vec::new();
    for file in &manifest.files {
        let hashed = files::hash(&dir.join(&file.name), &mut |bytes| {
            done += bytes;
            listener(Progress::Bytes { done, total });
        });
        match hashed {
            Err(error) => problems.push(problem(&file.name, &error)),
            Ok((bytes, _)) if bytes != file.bytes => {
                problems.push(changed(&file.name, format!("has {bytes} bytes, not {}", file.bytes)));
            }
            Ok((_, sha256)) if sha256 != file.sha256 => {
                problems.push(changed(&file.name, "does not have the checksum it had".to_owned()));
            }
            Ok(_) => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(BackupError::Damaged { id: manifest.id.clone(), problems }) }
}

fn changed(file: &str, detail: String) -> FileProblem {
    FileProblem { file: file.to_owned(), fault: FileFault::Changed, detail }
}
