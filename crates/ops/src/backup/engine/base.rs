//! PostgreSQL: the whole cluster, by `pg_basebackup`, with the log that it needs.

use std::path::Path;

use taskward_store::postgres::{self as store, Facts};
use tokio::task::spawn_blocking;

use super::archive::{self, Compression};
use super::{Copied, join};
use crate::backup::postgres::{Connection, Program, ServerManifest};
use crate::backup::{BackupError, BackupSettings, Listener, Progress};

/// Whether the cluster can be copied as a whole, by this role and from here.
pub(super) async fn check(settings: &BackupSettings, facts: &Facts) -> Result<(), BackupError> {
    let refused = |why: &str, fix: String| {
        let database = settings.database_name.clone();
        Err(BackupError::Replication { database, why: why.to_owned(), fix })
    };
    Program::find(settings.pg_bin.as_deref(), "pg_basebackup", facts.major).await?;
    if !facts.may_replicate {
        let fix = format!("ALTER ROLE \"{}\" REPLICATION", facts.user.replace('"', "\"\""));
        return refused("the role may not replicate", fix);
    }
    if !facts.can_replicate {
        let fix = "ALTER SYSTEM SET wal_level = replica; ALTER SYSTEM SET max_wal_senders = 10".to_owned();
        return refused("the server's wal_level or max_wal_senders do not allow it", fix);
    }
    if facts.tablespaces > 0 {
        let fix = "SELECT spcname, pg_tablespace_location(oid) FROM pg_tablespace".to_owned();
        return refused("the cluster has tablespaces outside its data directory", fix);
    }
    Ok(())
}

pub(super) async fn copy(
    settings: &BackupSettings,
    connection: &Connection,
    facts: &Facts,
    (id, dir): (&str, &Path),
    listener: &Listener,
) -> Result<Copied, BackupError> {
    let failed = BackupError::store(&settings.database_name);
    // Of a moment before the copy is complete, but counted while it is made.
    let before = store::snapshot(connection.url()).await.map_err(&failed)?;
    let seen = Some(before.seen.clone());
    let counted = async move { before.examine().await.map_err(failed) };
    let program = Program::find(settings.pg_bin.as_deref(), "pg_basebackup", facts.major).await?;
    let mut command = program.command(connection);
    // The lowest compression makes most of the difference; beyond it, the processor would be the limit. Zstandard
    // takes a quarter of what gzip takes of it, and the server's tasks need it too. Its workers compress while what
    // sends the data reads it.
    let (compression, by) = if facts.compresses_zstd {
        ("--compress=server-zstd:level=1,workers=2", Compression::Zstd)
    } else {
        ("--compress=1", Compression::Gzip)
    };
    command.args(["--format=tar", compression, "--wal-method=stream", "--checkpoint=fast"]);
    command.args(settings.max_rate.map(|rate| format!("--max-rate={}k", rate >> 10)));
    command.args(["--progress", "--no-sync", "--no-password"]);
    command.arg(format!("--label=taskward {id}"));
    command.arg("--pgdata").arg(dir).arg(format!("--dbname={}", connection.without_password()));
    let heard = listener.clone();
    let total = facts.cluster_bytes;
    let on_line = move |line: &str| {
        if let Some(done) = kilobytes(line) {
            heard(Progress::Bytes { done: done << 10, total: total.max(done << 10) });
        }
    };
    let (growing, followed) = archive::follow(dir, by);
    let (first, ()) = tokio::try_join!(counted, program.run(command, connection, on_line))?;
    drop(growing);
    let hashed = join(followed).await?;
    let own_dir = dir.to_owned();
    join(spawn_blocking(move || archive::complete(&own_dir))).await?;
    let position = ServerManifest::read(dir).and_then(|manifest| manifest.position());
    Ok(Copied { examined: Some(first), seen, position, hashed: Some(hashed), ..Copied::default() })
}

/// The first number of `23045/23045 kB (100%), 1/1 tablespace`.
fn kilobytes(line: &str) -> Option<u64> {
    let (done, rest) = line.trim().split_once('/')?;
    rest.contains(" kB ").then(|| done.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_understood() {
        assert_eq!(kilobytes("  23045/30000 kB (76%), 0/1 tablespace"), Some(23045));
        assert_eq!(kilobytes("waiting for checkpoint"), None);
    }
}
