//! pgBackRest, where it is the engine: it copies, keeps and restores; here is which of its backups is which, and what
//! the database held then.
//!
//! Its configuration is its own (`/etc/pgbackrest.conf`, or the variables `PGBACKREST_…`), its repository may be anywhere,
//! and so is its retention. A backup in our directory is a manifest and pgBackRest's own manifest of the copy, whose
//! checksum is therefore known here: `pgbackrest verify` passes over one that is broken.

mod info;
mod progress;
mod verify;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use super::postgres::ServerUser;
use super::{BackupError, Catalogue, ListedState, Listener, files};

pub(super) use info::{Info, Kept};
use progress::Copied;
pub(super) use verify::verify;

/// The program, and the package that has it.
const PROGRAM: &str = "pgbackrest";
/// pgBackRest's manifest of the copy, in a backup of ours.
pub(super) const MANIFEST: &str = "backup.manifest";
/// What the key of a backup's files stands behind in that.
const KEY: &[u8] = b"cipher-pass=";
/// Lines kept of what it says when it fails.
const LINES_KEPT: usize = 8;

/// A backup in pgBackRest's repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InRepository {
    /// The stanza.
    pub stanza: String,
    /// What pgBackRest calls it: `20261231-235900F`.
    pub label: String,
}

/// How a run ended.
struct Said {
    output: Vec<u8>,
    errors: String,
    is_success: bool,
}

/// pgBackRest for a stanza: as this process's user, as root as the user of PostgreSQL, whose files it reads and writes.
fn command(stanza: &str, user: ServerUser, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.arg(format!("--stanza={stanza}")).args(arguments).current_dir("/").stdin(Stdio::null());
    command.kill_on_drop(true);
    user.apply(&mut command);
    command
}

fn not_run(error: &std::io::Error) -> BackupError {
    match error.kind() {
        std::io::ErrorKind::NotFound => BackupError::NotInstalled { name: PROGRAM, package: PROGRAM },
        _ => failed(error.to_string()),
    }
}

/// Runs it to its end.
async fn run(stanza: &str, user: ServerUser, arguments: &[&str]) -> Result<Said, BackupError> {
    let output = command(stanza, user, arguments).output().await.map_err(|error| not_run(&error))?;
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    Ok(Said { output: output.stdout, errors, is_success: output.status.success() })
}

/// Has it copy files, and tells how far it is. Answers what else it said.
async fn copy(
    stanza: &str,
    user: ServerUser,
    arguments: &[&str],
    listener: &Listener,
) -> Result<String, BackupError> {
    // Each file is a line of this level. What it has against something is said there too.
    let flags = ["--log-level-console=detail", "--log-level-stderr=off", "--log-timestamp=n"];
    let mut command = command(stanza, user, &[&flags, arguments].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| not_run(&error))?;
    let (mut said, mut copied) = (String::new(), Copied::default());
    if let Some(stdout) = child.stdout.take() {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            if let Some(progress) = copied.after(&line) {
                listener(progress);
            } else if !line.contains(" DETAIL: ") {
                said.push_str(&line);
                said.push('\n');
            }
        }
    }
    let status = child.wait().await.map_err(|error| failed(error.to_string()))?;
    if status.success() { Ok(said) } else { Err(failed(end_of("", said.as_bytes()))) }
}

/// What a run that has to succeed has printed.
async fn must(stanza: &str, user: ServerUser, arguments: &[&str]) -> Result<Vec<u8>, BackupError> {
    let said = run(stanza, user, arguments).await?;
    if said.is_success { Ok(said.output) } else { Err(failed(end_of(&said.errors, &said.output))) }
}

fn failed(why: String) -> BackupError {
    BackupError::Program { program: PROGRAM.to_owned(), why }
}

/// The end of what it said, in a line.
fn end_of(errors: &str, output: &[u8]) -> String {
    let output = String::from_utf8_lossy(output);
    let lines: Vec<String> =
        output.lines().chain(errors.lines()).map(|line| without_value(line.trim())).collect();
    lines[lines.len().saturating_sub(LINES_KEPT)..].join("; ")
}

/// A line of an error without the value of an option that is refused: somebody may have put the passphrase there. The name of the
/// option says where to look.
fn without_value(line: &str) -> String {
    let Some((before, option)) = line.split_once("' is not allowed for ") else { return line.to_owned() };
    let before = before.split_once('\'').map_or(before, |(before, _)| before);
    format!("{before}'***' is not allowed for {option}")
}

/// Whether there is a stanza that takes backups. Answers what is known of it.
pub(super) async fn check(stanza: &str) -> Result<Info, BackupError> {
    let info = Info::read(stanza, ServerUser::find(None)?).await?;
    if info.takes_backups() {
        return Ok(info);
    }
    Err(BackupError::Stanza { stanza: stanza.to_owned(), why: info.message().to_owned() })
}

/// Ids of backups that pgBackRest does not have any more.
pub(super) async fn expired(catalogue: &Catalogue) -> Result<Vec<String>, BackupError> {
    let (mut expired, mut known) = (Vec::new(), BTreeMap::new());
    for listed in catalogue.list()? {
        let ListedState::Complete { manifest } = listed.state else { continue };
        let Some(of) = &manifest.in_repository else { continue };
        if !known.contains_key(&of.stanza) {
            known.insert(of.stanza.clone(), Info::read(&of.stanza, ServerUser::find(None)?).await?);
        }
        if known.get(&of.stanza).is_some_and(|info| info.kept(&of.label).is_none()) {
            expired.push(manifest.id);
        }
    }
    Ok(expired)
}

/// Makes a backup, of the type that its configuration says, and keeps pgBackRest's manifest of it in `dir`.
pub(super) async fn back_up(
    stanza: &str,
    dir: &Path,
    listener: &Listener,
) -> Result<(InRepository, Kept), BackupError> {
    let user = ServerUser::find(None)?;
    let said = copy(stanza, user, &["backup"], listener).await?;
    let label =
        label_in(&said).ok_or_else(|| failed("it did not say which backup it has made".to_owned()))?;
    let info = Info::read(stanza, user).await?;
    let kept = info.kept(&label).cloned();
    let kept = kept.ok_or_else(|| failed(format!("it does not know {label}, which it has just made")))?;
    let text = manifest(stanza, user, &label).await?;
    let path = dir.join(MANIFEST);
    files::write(&path, &text).map_err(BackupError::io("cannot write", &path))?;
    Ok((InRepository { stanza: stanza.to_owned(), label }, kept))
}

/// `INFO: new backup label = 20261231-235900F`.
fn label_in(said: &str) -> Option<String> {
    said.lines().find_map(|line| Some(line.split_once("new backup label = ")?.1.trim().to_owned()))
}

/// pgBackRest's manifest of a backup, as it is in the repository now, without the key that it has where that is encrypted.
async fn manifest(stanza: &str, user: ServerUser, label: &str) -> Result<Vec<u8>, BackupError> {
    let path = format!("backup/{stanza}/{label}/{MANIFEST}");
    let text = must(stanza, user, &["repo-get", &path]).await?;
    Ok(without_keys(&text))
}

/// The files of an encrypted backup have a key of their own, which is in its manifest, and that is read here as it was before
/// it was encrypted. Its checksum in its place still tells whether it is the same; it is random, so nobody guesses it.
fn without_keys(manifest: &[u8]) -> Vec<u8> {
    let lines = manifest.split_inclusive(|byte| *byte == b'\n').map(|line| {
        match line.trim_ascii_end().strip_prefix(KEY) {
            Some(key) => {
                let shown = format!("\"sha256:{}\"\n", files::hash_bytes(key));
                [KEY, shown.as_bytes()].concat()
            }
            None => line.to_vec(),
        }
    });
    lines.flatten().collect()
}

/// Restores a backup to a new data directory. A server that is started on it recovers to where the backup is of one
/// moment, and goes on from there.
pub(super) async fn restore(
    of: &InRepository,
    data: &Path,
    user: ServerUser,
    listener: &Listener,
) -> Result<(), BackupError> {
    user.make_dir(data)?;
    let (set, to) = (format!("--set={}", of.label), format!("--pg1-path={}", data.display()));
    let flags = [set.as_str(), to.as_str(), "--type=immediate", "--target-action=promote", "restore"];
    copy(&of.stanza, user, &flags, listener).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_of_a_new_backup_is_found() {
        let said =
            "P00   INFO: check archive\nP00   INFO: new backup label = 20261231-235900F\nP00   INFO: end";
        assert_eq!(label_in(said).as_deref(), Some("20261231-235900F"));
        assert_eq!(label_in("P00   INFO: end"), None);
    }

    #[test]
    fn the_value_of_an_option_that_is_refused_is_not_shown() {
        let said =
            "ERROR: [032]: 'a 'pass' phrase' is not allowed for 'repo1-cipher-type' option\nHINT: look";
        let shown =
            "INFO: begin; ERROR: [032]: '***' is not allowed for 'repo1-cipher-type' option; HINT: look";
        assert_eq!(end_of(said, b"INFO: begin"), shown);
    }

    #[test]
    fn the_key_of_an_encrypted_backup_is_known_by_its_checksum_alone() {
        let manifest = |key: &str| format!("[cipher]\ncipher-pass=\"{key}\"\n\n[db]\ndb-id=1\n");
        let one = String::from_utf8(without_keys(manifest("secret").as_bytes())).expect("UTF-8");
        assert!(!one.contains("secret"), "{one}");
        assert!(
            one.starts_with("[cipher]\ncipher-pass=\"sha256:") && one.ends_with("\"\n\n[db]\ndb-id=1\n"),
            "{one}"
        );
        assert_ne!(one.as_bytes(), without_keys(manifest("other").as_bytes()));
        let plain = b"[backup]\nbackup-label=\"a\"\n\xff";
        assert_eq!(without_keys(plain), plain);
    }
}
