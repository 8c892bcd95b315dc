//! `taskward restore run|pitr`: a backup, brought to life beside the live data, rolled forward to a moment where one is
//! named, proven, and put in its place.

mod base;
mod compare;
mod dump;
mod pitr;
mod prove;
mod rename;
mod sqlite;

use serde::{Deserialize, Serialize};
use taskward_core::Timestamp;
use taskward_store::Interrupted;

use super::clock::{age, fine_name};
use super::verify::{verify_files, verify_log};
use super::{BackupError, BackupSettings, Catalogue, Clock, Engine, Listener, Manifest};

pub use compare::Again;
use pitr::Chosen;
pub(super) use pitr::choose;
pub use pitr::{Goal, PointPlan};
use prove::Proven;
pub(super) use prove::{Alive, prove};
pub(super) use {
    base::start as start_base, base::unpack as unpack_base, dump::fill as fill_dump,
    sqlite::bring as bring_sqlite,
};

/// The directory of records of restores, within that of backups.
const RECORDS: &str = "restores";

/// What to restore, and where to.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// What.
    pub goal: Goal,
    /// SQLite: a file, the configured one by default. PostgreSQL: the data directory, or for a dump the name of a new
    /// database; only a preview can do without.
    pub target: Option<String>,
    /// Only looked at: a target that is in use is no reason not to.
    pub preview: bool,
    /// Nobody is asked between the plan and the restore: the plan leaves verifying to the restore, so that the backup is
    /// not read twice.
    pub at_once: bool,
    /// What does not hold in the restored database is no reason not to: it may have been like that when it was copied.
    pub accept_violations: bool,
}

/// What a restore would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RestorePlan {
    /// The backup's id.
    pub backup: String,
    /// How it was made.
    pub engine: Engine,
    /// The moment it is of: what was done later is lost.
    pub point_at: Timestamp,
    /// How long ago that is, in seconds.
    pub age_seconds: u64,
    /// Where it goes; `None` when a preview leaves that open.
    pub target: Option<String>,
    /// What is there now is kept under this name; `None` when nothing is there.
    pub kept: Option<String>,
    /// Who uses what is there now: it has to be stopped first. `None` when nobody does.
    pub in_use: Option<String>,
    /// How large the backup's database is, in bytes.
    pub data_bytes: u64,
    /// What is known of the moment, where it is not the backup's.
    pub point: Option<PointPlan>,
}

/// A restore that was done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RestoreRecord {
    /// Its name: the second it began in.
    pub id: String,
    /// The backup.
    pub backup: String,
    /// How that was made.
    pub engine: Engine,
    /// The moment the database was brought back to.
    pub point_at: Timestamp,
    /// The same, where it was asked for; `None` when it is the backup's.
    #[serde(default)]
    pub to: Option<Timestamp>,
    /// When the restore was complete.
    pub restored_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// Where it went.
    pub target: String,
    /// Where the data is that was there before.
    pub kept: Option<String>,
    /// The epoch of leases that began with it.
    pub epoch: i64,
    /// What does not hold in what was restored, and was accepted.
    #[serde(default)]
    pub violations: Vec<String>,
    /// Tasks that were running at that moment: their effects may happen again.
    pub interrupted: Vec<Interrupted>,
    /// Tasks that were claimed or finished after it, and are unfinished again: likewise. At most 10,000.
    pub again: Vec<Again>,
    /// How many tasks of the data from before are not there any more: created after that moment.
    pub lost: u64,
    /// Whether the data from before could be compared: not when there was none, or it could not be read. If not, `again`
    /// and `lost` are not known.
    pub compared: bool,
}

/// Verifies a backup, unless it is restored at once, and finds out whether it can be restored there. Changes nothing.
///
/// # Errors
/// As [`restore`], before anything is changed.
pub async fn plan_restore(
    settings: &BackupSettings,
    options: &RestoreOptions,
    clock: Clock,
    listener: &Listener,
) -> Result<RestorePlan, BackupError> {
    let catalogue = Catalogue::new(&settings.dir);
    let chosen = choose(settings, &options.goal, clock.now())?;
    let manifest = &chosen.manifest;
    let target = options.target.as_deref();
    let is_open = options.preview && target.is_none() && manifest.engine != Engine::Sqlite;
    let place = if is_open { None } else { Some(Place::find(settings, manifest, target, clock).await?) };
    if let Some(place) = place.as_ref().filter(|_| !options.preview) {
        place.must_be_free()?;
    }
    if !options.at_once {
        let backup = Backup::new(settings, &catalogue, &chosen, listener);
        backup.verify().await?;
    }
    Ok(RestorePlan {
        backup: manifest.id.clone(),
        engine: manifest.engine,
        point_at: chosen.point_at(),
        age_seconds: age(chosen.point_at(), clock.now()).as_secs(),
        target: place.as_ref().map(Place::target),
        kept: place.as_ref().and_then(Place::kept),
        in_use: place.as_ref().and_then(Place::in_use).cloned(),
        data_bytes: manifest.data_bytes,
        point: chosen.plan(settings).await?,
    })
}

/// Restores a backup: verifies it, brings it to life beside the target (what is large is verified as it is copied there),
/// compares what it holds with the manifest, runs a task, begins a new epoch of leases, and swaps. Until the swap nothing
/// of the target is touched, but that the stopped server of a PostgreSQL cluster is started once, to be read only, and
/// stopped again; what was there is kept beside it.
///
/// # Errors
/// Before anything is written: [`BackupError::NotFound`], [`BackupError::InUse`],
/// [`BackupError::Target`], [`BackupError::ProgramMissing`], [`BackupError::ProgramVersion`]. Later, with the target
/// as it was: [`BackupError::Damaged`], [`BackupError::Differs`], [`BackupError::Store`], [`BackupError::Program`], [`BackupError::Io`].
pub async fn restore(
    settings: &BackupSettings,
    options: &RestoreOptions,
    clock: Clock,
    listener: &Listener,
) -> Result<RestoreRecord, BackupError> {
    let catalogue = Catalogue::new(&settings.dir);
    let chosen = choose(settings, &options.goal, clock.now())?;
    let manifest = &chosen.manifest;
    let place = Place::find(settings, manifest, options.target.as_deref(), clock).await?;
    place.must_be_free()?;
    let backup = Backup {
        accept_violations: options.accept_violations,
        ..Backup::new(settings, &catalogue, &chosen, listener)
    };
    backup.verify_before().await?;
    let (Proven { epoch, violations }, compared) = match &place {
        Place::Sqlite(place) => sqlite::restore(&backup, place).await?,
        Place::Base(place) => base::restore(&backup, place).await?,
        Place::Dump(place) => dump::restore(&backup, place).await?,
    };
    let seen = compared.unwrap_or_default();
    let record = RestoreRecord {
        id: fine_name(clock.start()),
        backup: manifest.id.clone(),
        engine: manifest.engine,
        point_at: chosen.point_at(),
        to: chosen.to,
        restored_at: clock.now(),
        took_ms: u64::try_from(clock.elapsed().as_millis()).unwrap_or(u64::MAX),
        target: place.target(),
        kept: place.kept(),
        epoch: epoch.number,
        violations,
        interrupted: epoch.interrupted,
        again: seen.again,
        lost: seen.lost,
        compared: seen.complete,
    };
    catalogue.record(RECORDS, &record.id, &record)?;
    Ok(record)
}

/// The latest restore from these backups.
///
/// # Errors
/// [`BackupError::Damaged`] and [`BackupError::Io`] when the records cannot be read.
pub fn latest_record(settings: &BackupSettings) -> Result<Option<RestoreRecord>, BackupError> {
    Ok(Catalogue::new(&settings.dir).records(RECORDS)?.into_iter().next())
}

/// A backup, what is known of where it is, and the moment that the log after it is to lead to, if not its own.
pub(super) struct Backup<'a> {
    pub(super) settings: &'a BackupSettings,
    pub(super) catalogue: &'a Catalogue,
    pub(super) manifest: &'a Manifest,
    pub(super) to: Option<Timestamp>,
    pub(super) listener: &'a Listener,
    pub(super) accept_violations: bool,
}

impl<'a> Backup<'a> {
    /// One of which nothing is accepted that does not hold.
    pub(super) fn new(
        settings: &'a BackupSettings,
        catalogue: &'a Catalogue,
        Chosen { manifest, to, .. }: &'a Chosen,
        listener: &'a Listener,
    ) -> Self {
        Self { settings, catalogue, manifest, to: *to, listener, accept_violations: false }
    }

    /// Of which moment the restored database is.
    fn point_at(&self) -> Timestamp {
        self.to.unwrap_or(self.manifest.point_at)
    }

    /// Makes sure that what is brought to life is what it was: the log that leads to the moment, and the backup, but for
    /// those files that are hashed as they are copied or unpacked, so that they are read once.
    pub(super) async fn verify_before(&self) -> Result<(), BackupError> {
        let engine = self.manifest.engine;
        let wanted = move |file: &str| !engine.hashes_when_restored(file);
        verify_files(self.catalogue, self.manifest, wanted, self.listener).await?;
        self.verify_log().await
    }

    /// Makes sure that the backup, and the log that leads to the moment, are what they were.
    async fn verify(&self) -> Result<(), BackupError> {
        verify_files(self.catalogue, self.manifest, |_| true, self.listener).await?;
        self.verify_log().await
    }

    async fn verify_log(&self) -> Result<(), BackupError> {
        if self.to.is_some() {
            verify_log(self.settings, self.manifest.clone(), self.to, self.listener).await?;
        }
        Ok(())
    }
}

/// Where a backup goes.
enum Place {
    Sqlite(sqlite::FilePlace),
    Base(base::DirectoryPlace),
    Dump(dump::DatabasePlace),
}

impl Place {
    /// Looks at the target, and refuses one that holds something else.
    async fn find(
        settings: &BackupSettings,
        manifest: &Manifest,
        target: Option<&str>,
        clock: Clock,
    ) -> Result<Self, BackupError> {
        let id = fine_name(clock.start());
        Ok(match manifest.engine {
            Engine::Sqlite => Self::Sqlite(sqlite::FilePlace::find(settings, manifest, target, &id)?),
            Engine::PostgresBase | Engine::PgBackRest => {
                Self::Base(base::DirectoryPlace::find(settings, manifest, target, &id).await?)
            }
            Engine::PostgresDump => Self::Dump(dump::DatabasePlace::find(settings, target).await?),
        })
    }

    /// Who uses what is there.
    fn in_use(&self) -> Option<&String> {
        match self {
            Self::Sqlite(place) => place.in_use.as_ref(),
            Self::Base(place) => place.in_use.as_ref(),
            Self::Dump(_) => None,
        }
    }

    fn must_be_free(&self) -> Result<(), BackupError> {
        match self.in_use() {
            Some(why) => Err(BackupError::InUse { target: self.target(), why: why.clone() }),
            None => Ok(()),
        }
    }

    fn target(&self) -> String {
        match self {
            Self::Sqlite(place) => place.target.display().to_string(),
            Self::Base(place) => place.target.display().to_string(),
            Self::Dump(place) => place.name.clone(),
        }
    }

    fn kept(&self) -> Option<String> {
        match self {
            Self::Sqlite(place) => place.kept.as_ref().map(|path| path.display().to_string()),
            Self::Base(place) => place.kept.as_ref().map(|path| path.display().to_string()),
            Self::Dump(_) => None,
        }
    }
}

/// A target that cannot be used.
fn refused(target: impl ToString, why: impl Into<String>) -> BackupError {
    BackupError::Target { target: target.to_string(), why: why.into() }
}
