//! Backups beside the running service: how old the last one and the last drill are, and a new one when it is due.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use taskward_config::Config;
use taskward_core::Timestamp;
use taskward_ops::backup::{self, BackupError, BackupSettings, Catalogue, Clock, CreateOptions, Listener};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::clock;

/// How often the backups are read though nothing was added or removed.
const READ_EVERY: Duration = Duration::from_secs(15);
/// How often the age is told anew, and the directory looked at for news: with what follows an age that is too great is
/// noticed within five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is, when backups are due more often than that.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);

const AGE: &str = "taskward_backup_last_success_age_seconds";
const DRILL_AGE: &str = "taskward_drill_last_success_age_seconds";
const DURATION: &str = "taskward_backup_last_duration_seconds";
const FAILURES: &str = "taskward_backup_failures_total";

/// Ends with the service.
pub(super) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches the backups, and makes them by `backup.schedule` where that is set.
pub(super) fn watch(config: &Config) -> Watch {
    let (settings, schedule) = (BackupSettings::from(config), config.backup.schedule);
    let every = schedule.map_or(LOOK_EVERY, |schedule| schedule.clamp(LOOK_EVERY_MIN, LOOK_EVERY));
    Watch(tokio::spawn(async move {
        let mut seen = Seen::default();
        loop {
            let age = seen.look(&settings).await;
            if let Some(schedule) = schedule
                && age.is_none_or(|age| age >= schedule)
            {
                make(&settings).await;
                seen.look(&settings).await;
            }
            tokio::time::sleep(every).await;
        }
    }))
}

/// What is known of the backups.
#[derive(Default)]
struct Seen {
    last: Option<Last>,
    /// When a drill was passed last.
    drilled: Option<Timestamp>,
    /// When the directories of backups and of drills were changed last, and when what is in them was read.
    changed: [Option<SystemTime>; 2],
    read: Option<Instant>,
}

impl Seen {
    /// Tells how old the last backup and the last drill are. They are read when one came or went, and now and then.
    async fn look(&mut self, settings: &BackupSettings) -> Option<Duration> {
        let dirs = [settings.dir.clone(), settings.dir.join(backup::DRILLS)];
        let changed = move || dirs.map(|dir| dir.metadata().and_then(|found| found.modified()).ok());
        let changed = tokio::task::spawn_blocking(changed).await.unwrap_or_default();
        let is_due = self.read.is_none_or(|at| at.elapsed() >= READ_EVERY);
        if is_due || changed != self.changed {
            // One that is gone was there all the same.
            self.last = last(settings).await.or(self.last);
            self.drilled = last_drill(settings).await.or(self.drilled);
            (self.changed, self.read) = (changed, Some(Instant::now()));
        }
        if let Some(at) = self.drilled {
            metrics::gauge!(DRILL_AGE).set(age(at).as_secs_f64());
        }
        self.last.map(show)
    }
}

/// Of which moment the last complete backup is, and how long it took.
type Last = (Timestamp, Duration);

async fn last(settings: &BackupSettings) -> Option<Last> {
    let catalogue = Catalogue::new(&settings.dir);
    let found = tokio::task::spawn_blocking(move || catalogue.last_good(clock::now())).await.ok()?;
    let (manifest, _) = found.ok()??;
    let took = Duration::try_from(manifest.finished_at.duration_since(manifest.point_at));
    Some((manifest.point_at, took.unwrap_or(Duration::ZERO)))
}

/// When a backup was last restored as it should be.
async fn last_drill(settings: &BackupSettings) -> Option<Timestamp> {
    let settings = settings.clone();
    let found = tokio::task::spawn_blocking(move || backup::last_passed(&settings)).await.ok()?;
    found.ok()?.map(|drill| drill.at)
}

fn age(then: Timestamp) -> Duration {
    Duration::try_from(clock::now().duration_since(then)).unwrap_or(Duration::ZERO)
}

fn show((point_at, took): Last) -> Duration {
    let age = age(point_at);
    metrics::gauge!(AGE).set(age.as_secs_f64());
    metrics::gauge!(DURATION).set(took.as_secs_f64());
    age
}

/// Makes a backup, and removes those that are not kept any longer.
async fn make(settings: &BackupSettings) {
    let nobody: Listener = Arc::new(|_| ());
    let options = CreateOptions { program: env!("CARGO_PKG_VERSION").to_owned(), ..CreateOptions::default() };
    let made = backup::create(settings, options, Clock::at(clock::now()), &nobody).await;
    let done = match made {
        Ok(made) => {
            tracing::info!("made the backup {}", made.manifest.id);
            backup::prune(settings, false, &nobody).await.map(drop)
        }
        Err(error) => Err(error),
    };
    match done {
        // Another instance is making it.
        Ok(()) | Err(BackupError::Locked(_)) => {}
        Err(error) => {
            metrics::counter!(FAILURES).increment(1);
            tracing::error!(error = &error as &dyn std::error::Error, "no backup was made");
        }
    }
}
