//! `taskward drill`: restoring to a place that is thrown away, to know that it works and how long it takes.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use taskward_config::WalMode;
use taskward_core::{Timestamp, duration};
use taskward_store::postgres as store;

use super::clock::{age, fine_name};
use super::postgres::{Program, Scratch, ServerUser, Subject, init};
use super::restore::{Alive, Backup, Goal, bring_sqlite, choose, fill_dump, prove, start_base, unpack_base};
use super::{BackupError, BackupSettings, Catalogue, Clock, Engine, Listener, Manifest, Which, files, wal};

/// The directory of records of drills, within that of backups.
pub const DRILLS: &str = "drills";

/// How a drill went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillRecord {
    /// Its name: the second it began in.
    pub id: String,
    /// When that was.
    pub at: Timestamp,
    /// The backup.
    pub backup: String,
    /// The moment that it was rolled forward to.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// How that was made; `None` when its manifest could not be read.
    pub engine: Option<Engine>,
    /// Whether the backup was restored, was what it should be, and both objectives were met.
    pub passed: bool,
    /// What went wrong; `None` when the backup was restored.
    pub error: Option<String>,
    /// How long it took from the beginning until a task had run, in milliseconds.
    pub recovery_ms: u64,
    /// How long it may take.
    pub rto_ms: u64,
    /// How old what the backup holds was when the drill began, in seconds: what would have been lost.
    pub loss_seconds: Option<u64>,
    /// How old it may be.
    pub rpo_seconds: u64,
    /// How much of the time the verification took. What is verified as it is copied or unpacked: with that.
    pub verify_ms: u64,
}

impl DrillRecord {
    /// Objectives that were missed, in words.
    pub fn missed(&self) -> Vec<String> {
        let shown = |ms| duration::format(Duration::from_millis(ms));
        let seconds = |seconds: u64| shown(seconds.saturating_mul(1_000));
        let mut missed = Vec::new();
        if self.recovery_ms > self.rto_ms {
            missed.push(format!(
                "recovery took {}, backup.rto is {}",
                shown(self.recovery_ms),
                shown(self.rto_ms)
            ));
        }
        if let Some(loss) = self.loss_seconds.filter(|loss| *loss > self.rpo_seconds) {
            missed.push(format!(
                "the last {} would be lost, backup.rpo is {}",
                seconds(loss),
                seconds(self.rpo_seconds)
            ));
        }
        missed
    }

    /// How it went, in a line.
    pub fn summary(&self) -> String {
        match (&self.error, self.missed()) {
            (Some(error), _) => error.clone(),
            (None, missed) if missed.is_empty() => {
                format!(
                    "restored and proven in {}",
                    duration::format(Duration::from_millis(self.recovery_ms))
                )
            }
            (None, missed) => missed.join("; "),
        }
    }
}

/// Restores a backup to a scratch place as a restore would, removes that again, and records how it went, also when it
/// fails.
///
/// # Errors
/// Those of [`super::restore`]. A missed objective is none: see [`DrillRecord::missed`].
pub async fn drill(
    settings: &BackupSettings,
    goal: &Goal,
    clock: Clock,
    listener: &Listener,
) -> Result<DrillRecord, BackupError> {
    let catalogue = Catalogue::new(&settings.dir);
    let mut record = DrillRecord {
        id: fine_name(clock.start()),
        at: clock.start(),
        backup: if let Goal::Backup(Which::Id(id)) = goal { id.clone() } else { "the latest".to_owned() },
        to: if let Goal::Moment(to) = goal { Some(*to) } else { None },
        engine: None,
        passed: false,
        error: None,
        recovery_ms: 0,
        rto_ms: millis(settings.rto),
        loss_seconds: None,
        rpo_seconds: settings.rpo.as_secs(),
        verify_ms: 0,
    };
    let tried = attempt(settings, &catalogue, goal, (clock, listener), &mut record).await;
    if tried.is_err() {
        record.recovery_ms = millis(clock.elapsed());
    }
    record.error = tried.as_ref().err().map(BackupError::described);
    record.passed = tried.is_ok() && record.missed().is_empty();
    // Without a directory there were no backups either.
    if settings.dir.is_dir() {
        catalogue.record(DRILLS, &record.id, &record)?;
    }
    tried.map(|()| record)
}

/// Drills, the latest first.
///
/// # Errors
/// [`BackupError::Damaged`] and [`BackupError::Destination`] when the records cannot be read.
pub fn history(settings: &BackupSettings) -> Result<Vec<DrillRecord>, BackupError> {
    history_of(&Catalogue::new(&settings.dir))
}

/// The latest drill that restored a backup and met both objectives.
///
/// # Errors
/// As [`history`].
pub fn last_passed(settings: &BackupSettings) -> Result<Option<DrillRecord>, BackupError> {
    Ok(history(settings)?.into_iter().find(|drill| drill.passed))
}

pub(super) fn history_of(catalogue: &Catalogue) -> Result<Vec<DrillRecord>, BackupError> {
    catalogue.records(DRILLS)
}

async fn attempt(
    settings: &BackupSettings,
    catalogue: &Catalogue,
    goal: &Goal,
    (clock, listener): (Clock, &Listener),
    record: &mut DrillRecord,
) -> Result<(), BackupError> {
    let chosen = choose(settings, &furthest(settings, goal, clock)?, clock.start())?;
    let manifest = &chosen.manifest;
    record.backup.clone_from(&manifest.id);
    record.to = chosen.to;
    record.engine = Some(manifest.engine);
    record.loss_seconds = Some(age(chosen.point_at(), clock.start()).as_secs());
    let backup = Backup::new(settings, catalogue, &chosen, listener);
    backup.verify_before().await?;
    record.verify_ms = millis(clock.elapsed());
    let place = ScratchPlace::make(settings, manifest)?;
    let server = bring_to_life(&backup, &place, || record.verify_ms = millis(clock.elapsed())).await?;
    record.recovery_ms = millis(clock.elapsed());
    match server {
        Some(server) => server.stop().await,
        None => Ok(()),
    }
}

/// The latest backup, and the log after it to its end where that is kept: as much as a restore would bring back.
fn furthest(settings: &BackupSettings, goal: &Goal, clock: Clock) -> Result<Goal, BackupError> {
    if settings.wal == WalMode::Off || *goal != Goal::Backup(Which::Latest) {
        return Ok(goal.clone());
    }
    let end = wal::points(settings)?.windows.first().map(|window| window.to.min(clock.start()));
    Ok(end.map_or_else(|| goal.clone(), Goal::Moment))
}

/// Restores, proves, and returns the server that runs on what was restored. `verified` is called when what is verified
/// as it is copied has been.
async fn bring_to_life(
    backup: &Backup<'_>,
    place: &ScratchPlace,
    verified: impl FnOnce(),
) -> Result<Option<Scratch>, BackupError> {
    let data = place.dir.join("data");
    let user = place.user;
    match backup.manifest.engine {
        Engine::Sqlite => {
            bring_sqlite(backup, &data).await?;
            verified();
            prove(&Alive::Sqlite(data), backup).await?;
            Ok(None)
        }
        Engine::PostgresBase | Engine::PgBackRest => {
            unpack_base(backup, &data, user).await?;
            verified();
            let server = start_base(backup, &data, user).await?;
            prove(&Alive::Postgres(server.connection()), backup).await?;
            // As a restore does before it swaps.
            files::sync_all(&data).map_err(BackupError::io("cannot flush", &data))?;
            Ok(Some(server))
        }
        Engine::PostgresDump => {
            let major = backup.manifest.server_major.unwrap_or_default();
            let bin = backup.settings.pg_bin.as_deref();
            let role = backup.manifest.server_role.clone().unwrap_or_default();
            init(&Program::find(bin, "initdb", major).await?, &data, user, &role.0).await?;
            let postgres = Program::find(bin, "postgres", major).await?;
            let own = (role.0, "postgres".to_owned());
            let server = Scratch::start(&postgres, &data, user, &own, Subject::Copy(&[])).await?;
            let failed = BackupError::store("the scratch server");
            let connection = server.connection();
            store::create_database(connection.url(), &role.1).await.map_err(failed)?;
            let database = connection.with_database(&role.1);
            fill_dump(backup, &database, major).await?;
            prove(&Alive::Postgres(database), backup).await?;
            Ok(Some(server))
        }
    }
}

/// A directory that is removed when the drill ends.
struct ScratchPlace {
    dir: PathBuf,
    user: ServerUser,
}

impl ScratchPlace {
    fn make(settings: &BackupSettings, manifest: &Manifest) -> Result<Self, BackupError> {
        let refused =
            |why: String| BackupError::Target { target: settings.scratch_dir.display().to_string(), why };
        if settings.scratch_dir.is_file() {
            return Err(refused("it is not a directory".to_owned()));
        }
        let free = files::free(&settings.scratch_dir).map_err(|error| refused(error.to_string()))?;
        if free < manifest.data_bytes {
            let needed = manifest.data_bytes.div_ceil(1 << 20);
            return Err(refused(format!("it has {} MiB left, and {needed} MiB are needed", free >> 20)));
        }
        // A file is read by this process, a cluster by a server.
        let user = match manifest.engine {
            Engine::Sqlite => ServerUser::own(),
            Engine::PostgresBase | Engine::PostgresDump | Engine::PgBackRest => ServerUser::find(None)?,
        };
        let dir = format!("taskward-drill-{}-{:08x}", std::process::id(), fastrand::u32(..));
        let dir = settings.scratch_dir.join(dir);
        user.make_dir(&dir)?;
        Ok(Self { dir, user })
    }
}

impl Drop for ScratchPlace {
    fn drop(&mut self) {
        // It is in the directory for such things.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
