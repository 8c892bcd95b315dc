//! Whether PostgreSQL's log is archived, and whether waiting for that can fill the server's disk.

use taskward_config::{DatabaseTarget, WalMode};
use taskward_core::Timestamp;
use taskward_store::StoreError;
use taskward_store::postgres::{WalSession, WalState};

use super::archive::Archive;
use super::tail::Tail;
use super::watch::handed_over;
use crate::CheckVerdict;
use crate::backup::check::whole;
use crate::backup::clock::age;
use crate::backup::postgres::Connection;
use crate::backup::{BackupSettings, Check};

/// How old the end of the log may be while it streams.
const STREAM_AGE_MAX: std::time::Duration = std::time::Duration::from_secs(60);

/// Looks at the archive, and asks the server.
pub(in crate::backup) async fn check(settings: &BackupSettings, now: Timestamp) -> Vec<Check> {
    let DatabaseTarget::Postgres(url) = &settings.database else { return Vec::new() };
    if settings.wal == WalMode::Off {
        return Vec::new();
    }
    let mut checks = vec![reach(settings, now)];
    match state(settings, &Connection::new(url)).await {
        Ok(state) if settings.wal == WalMode::Stream => {
            checks.extend([received(settings, &state), held(settings, &state), bounded(&state)]);
        }
        Ok(state) => checks.extend([handed(&state), behind(settings, &state)]),
        Err(error) => {
            let evidence = format!("{}: {error}", settings.database_name);
            checks.push(one("log_server", CheckVerdict::Unknown, evidence, "taskward db check"));
        }
    }
    checks
}

async fn state(settings: &BackupSettings, connection: &Connection) -> Result<WalState, StoreError> {
    WalSession::connect(connection.url()).await?.state(&settings.wal_slot).await
}

/// Up to when the archive has everything.
fn reach(settings: &BackupSettings, now: Timestamp) -> Check {
    let fix = match settings.wal {
        WalMode::Command => "taskward backup schedule",
        _ => "taskward log errors --since 1h",
    };
    let (status, evidence) = match Tail::read(&Archive::new(&settings.dir)) {
        Err(problem) => (CheckVerdict::Fail, problem.to_string()),
        Ok(None) => (CheckVerdict::Fail, "nothing of the log was archived yet".to_owned()),
        Ok(Some(tail)) => match tail.at {
            None => (CheckVerdict::Unknown, format!("the last file is {}", tail.file)),
            Some(at) => {
                let old = age(at, now);
                // Without a commit, PostgreSQL hands nothing over, and nothing is lost.
                let too_old = settings.wal == WalMode::Stream && old > STREAM_AGE_MAX;
                let status = if too_old { CheckVerdict::Fail } else { CheckVerdict::Pass };
                (status, format!("everything until {} ago is archived, up to {}", whole(old), tail.file))
            }
        },
    };
    one("log_archived", status, evidence, fix)
}

/// Whether somebody receives the log, through the slot.
fn received(settings: &BackupSettings, state: &WalState) -> Check {
    let name = &settings.wal_slot;
    let (status, evidence, fix) = match &state.slot {
        None => (CheckVerdict::Fail, format!("there is no slot {name}"), "taskward backup stream"),
        Some(slot) if slot.status.as_deref() == Some("lost") => (
            CheckVerdict::Fail,
            format!("the server has removed what the slot {name} was to keep; the log has a gap"),
            "taskward backup stream",
        ),
        Some(slot) if slot.active_pid.is_none() => {
            (CheckVerdict::Fail, format!("nobody receives from the slot {name}"), "taskward backup stream")
        }
        Some(_) => (CheckVerdict::Pass, format!("the log is received from the slot {name}"), ""),
    };
    one("log_slot", status, evidence, fix)
}

/// Whether the server keeps too much because of the slot.
fn held(settings: &BackupSettings, state: &WalState) -> Check {
    let bytes = state.slot.as_ref().map_or(0, |slot| slot.held_bytes);
    held_bytes(settings, bytes)
}

fn held_bytes(settings: &BackupSettings, bytes: u64) -> Check {
    let status = if bytes > settings.wal_held_max { CheckVerdict::Fail } else { CheckVerdict::Pass };
    let evidence = format!(
        "the server keeps {} MiB of log for the archive; alerts.wal_held_back is {} MiB",
        bytes >> 20,
        settings.wal_held_max >> 20
    );
    one("log_held", status, evidence, "taskward log errors --since 1h")
}

/// Whether what the slot holds back is bounded.
fn bounded(state: &WalState) -> Check {
    let (status, evidence) = match state.slot_keeps_max {
        Some(bytes) => (CheckVerdict::Pass, format!("max_slot_wal_keep_size is {} MiB", bytes >> 20)),
        None => (
            CheckVerdict::Fail,
            "max_slot_wal_keep_size is not set: the slot can fill the server's disk".to_owned(),
        ),
    };
    let fix = "psql -c \"ALTER SYSTEM SET max_slot_wal_keep_size = '10GB'\" -c 'SELECT pg_reload_conf()'";
    one("log_bounded", status, evidence, fix)
}

/// Whether the server hands its log over to us.
fn handed(state: &WalState) -> Check {
    let archiver = &state.archiver;
    let fix = "taskward backup schedule";
    let (status, evidence) = if archiver.mode == "off" {
        (CheckVerdict::Fail, "archive_mode is off".to_owned())
    } else if !archiver.command.contains("archive-wal") {
        (CheckVerdict::Fail, format!("archive_command is not ours: {}", archiver.command))
    } else if let Some(file) = &archiver.failing {
        (CheckVerdict::Fail, format!("archive_command fails with {file}; the server's log says why"))
    } else if archiver.timeout_seconds == 0 {
        (
            CheckVerdict::Fail,
            "archive_timeout is 0: a segment that does not fill is never archived".to_owned(),
        )
    } else {
        let last = archiver.last.as_deref().unwrap_or("none yet");
        (
            CheckVerdict::Pass,
            format!("the last file is {last}; archive_timeout is {} s", archiver.timeout_seconds),
        )
    };
    one("log_command", status, evidence, fix)
}

/// Whether the server keeps too much because archiving fails.
fn behind(settings: &BackupSettings, state: &WalState) -> Check {
    if state.archiver.last.is_none() {
        let evidence = "the server has handed over nothing yet".to_owned();
        return one("log_held", CheckVerdict::Unknown, evidence, "taskward backup schedule");
    }
    let position = state.position.parse().map_or(0, |position: super::segment::Lsn| position.0);
    held_bytes(settings, position.saturating_sub(handed_over(state).0))
}

fn one(id: &'static str, status: CheckVerdict, evidence: String, fix: &'static str) -> Check {
    Check { id, status, evidence, fix: if status == CheckVerdict::Pass { "" } else { fix } }
}
