//! Secrets files: `<NAME>_FILE`, `$CREDENTIALS_DIRECTORY/<name>`, `/run/secrets/<name>`.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::{quoted, read_limited};
use crate::origin::Origin;
use crate::problem::{Place, Problem, ProblemId, Problems};
use crate::schema::{self, Key};
use crate::sources::Sources;
use crate::value::{Raw, Setting, Settings};

/// The largest secret.
const BYTES_MAX: u64 = 64 * 1024;

/// What a secrets file's mode must not have: anything for others, and writing for the group. Reading for the
/// group is how systemd and Kubernetes hand a credential to a service that is not root.
const MODE_REFUSED: u32 = 0o027;

/// The settings of the secrets files.
pub(crate) fn read(sources: &Sources, problems: &mut Problems) -> Settings {
    let mut settings = Settings::new();
    for key in schema::keys() {
        let Some((path, named)) = locate(sources, key) else { continue };
        match secret(&path, named) {
            Ok(Some(text)) => {
                settings.insert(key.path, Setting { raw: Raw::Text(text), origin: Origin::Secret { path } });
            }
            Ok(None) => {}
            Err(problem) => problems.push((*problem).key(key)),
        }
    }
    settings
}

/// The most specific file for a key: one that was named, then the service manager's, then the container
/// engine's. The flag says whether it was named, and so has to exist.
fn locate(sources: &Sources, key: &Key) -> Option<(PathBuf, bool)> {
    let name = key.secret?;
    if let Some(path) = key.secret_file_variable().and_then(|variable| sources.path(&variable)) {
        return Some((path, true));
    }
    let passed =
        sources.path("CREDENTIALS_DIRECTORY").map(|dir| dir.join(name)).filter(|path| may_exist(path));
    Some((passed.unwrap_or_else(|| sources.run_secrets.join(name)), false))
}

/// Whether a file is there, or can't be told not to be.
fn may_exist(path: &Path) -> bool {
    !matches!(path.symlink_metadata(), Err(error) if error.kind() == io::ErrorKind::NotFound)
}

/// The content of a secrets file, without its line end.
fn secret(path: &Path, named: bool) -> Result<Option<String>, Box<Problem>> {
    let (content, metadata) = match read_limited(path, BYTES_MAX) {
        Ok(Some(read)) => read,
        Ok(None) if !named => return Ok(None),
        Ok(None) => {
            let problem = refused(path, "the secrets file does not exist");
            return Err(problem.fix(format!("ls -ld {}", quoted(path))).into());
        }
        Err(error) => return Err(unreadable(path, &error).into()),
    };
    check_mode(path, &metadata)?;
    let text = (content.len() as u64 <= BYTES_MAX).then(|| String::from_utf8(content).ok()).flatten();
    let Some(text) = text else {
        let problem = refused(path, "the secrets file is not text, or larger than 64 KiB");
        return Err(problem.fix(format!("ls -lL {0} && file -L {0}", quoted(path))).into());
    };
    let text = text.trim_end_matches(['\n', '\r']);
    if text.trim().is_empty() {
        return Err(empty(path).into());
    }
    Ok(Some(text.to_owned()))
}

fn refused(path: &Path, what: &str) -> Problem {
    Problem::new(ProblemId::SecretFileRefused, place(path), what)
}

fn empty(path: &Path) -> Problem {
    refused(path, "the secrets file is empty")
        .expected("the secret, and nothing else")
        .fix(format!("install -m 600 /dev/stdin {}   # then paste the secret, and Ctrl-D", quoted(path)))
}

fn unreadable(path: &Path, error: &io::Error) -> Problem {
    if error.kind() == io::ErrorKind::InvalidInput {
        return refused(path, "the secrets file is not a regular file")
            .fix(format!("ls -ldL {}", quoted(path)));
    }
    Problem::new(ProblemId::FileUnreadable, place(path), "the secrets file can't be read")
        .why(error.to_string())
        .fix(format!("ls -lL {}   # the service's user must be able to read it", quoted(path)))
}

fn check_mode(path: &Path, metadata: &Metadata) -> Result<(), Box<Problem>> {
    let mode = metadata.permissions().mode() & 0o777;
    if mode & MODE_REFUSED == 0 {
        return Ok(());
    }
    let who = match (mode & 0o007 != 0, mode & 0o004 != 0) {
        (true, true) => "world-readable",
        (true, false) => "open to everybody",
        (false, _) => "writable by its group",
    };
    let problem = refused(path, &format!("the secrets file is {who}"))
        .value(format!("mode {mode:04o}"))
        .expected("at most 0640: read and written by its owner, read by its group")
        .why("whoever can read the file has the secret; whoever can write it chooses the secret")
        .fix(format!("chmod 600 {}", quoted(path)));
    Err(problem.into())
}

fn place(path: &Path) -> Place {
    Place::File { path: path.to_owned(), line: None }
}
