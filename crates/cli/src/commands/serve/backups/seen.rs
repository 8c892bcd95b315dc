//! What is known of the backups, told as metrics.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use taskward_config::WalMode;
use taskward_core::Timestamp;
use taskward_ops::backup::{self, BackupSettings, Catalogue, Listed};
use taskward_store::Store;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use crate::clock;

/// How often the backups are read though nothing was added or removed.
const READ_EVERY: Duration = Duration::from_secs(15);
/// How long after a start the first backup is not missed yet, however old the database is: it may be that it is made by
/// schedule from now on, and takes its time.
const FIRST_WITHIN: Duration = Duration::from_secs(15 * 60);

const AGE: &str = "taskward_backup_last_success_age_seconds";
const OVERDUE: &str = "taskward_backup_first_overdue_seconds";
const DURATION: &str = "taskward_backup_last_duration_seconds";
const DRILL_AGE: &str = "taskward_drill_last_success_age_seconds";
const DRILL_OVERDUE: &str = "taskward_drill_first_overdue_seconds";

/// What is known of the backups.
pub(super) struct Seen {
    settings: BackupSettings,
    store: Arc<dyn Store>,
    /// Whether there should be backups: the configuration says so, or somebody has begun one.
    expected: bool,
    started: Timestamp,
    /// Since when there is a database, once that was asked.
    began: Option<Timestamp>,
    found: Found,
    /// When the directories of backups and of drills were changed last, and when what is in them was read.
    changed: [Option<SystemTime>; 2],
    read: Option<Instant>,
}

/// What is in the directory of backups, or was: one that is gone was there all the same.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Found {
    /// Of which moment the last complete backup is, and how long it took.
    last: Option<(Timestamp, Duration)>,
    /// Whether there is anything, be it complete or not.
    any: bool,
    /// When the first backup was made, or begun.
    first: Option<Timestamp>,
    /// When a drill was passed last.
    drilled: Option<Timestamp>,
}

impl Seen {
    /// Nothing is known yet.
    pub(super) fn new(settings: BackupSettings, by_schedule: bool, store: Arc<dyn Store>) -> Self {
        let expected = by_schedule || settings.wal != WalMode::Off;
        let (started, began) = (clock::now(), None);
        Self {
            settings,
            store,
            expected,
            started,
            began,
            found: Found::default(),
            changed: [None; 2],
            read: None,
        }
    }

    /// Tells how old the last backup and the last drill are, or for how long the first ones have been overdue; answers the
    /// age of the last backup. They are read when one came or went, and now and then.
    pub(super) async fn look(&mut self) -> Option<Duration> {
        let dirs = [self.settings.dir.clone(), self.settings.dir.join(backup::DRILLS)];
        let changed = spawn_blocking(move || dirs.map(changed_at)).await.unwrap_or_default();
        let is_due = self.read.is_none_or(|at| at.elapsed() >= READ_EVERY);
        if is_due || changed != self.changed {
            let settings = self.settings.clone();
            let found = spawn_blocking(move || Found::read(&settings)).await.unwrap_or_default();
            self.found = found.or(self.found);
            self.expected |= self.found.any;
            (self.changed, self.read) = (changed, Some(Instant::now()));
        }
        self.tell_of_drills();
        self.tell_of_backups().await
    }

    async fn tell_of_backups(&mut self) -> Option<Duration> {
        if let Some((point_at, took)) = self.found.last {
            let age = age(point_at);
            metrics::gauge!(AGE).set(age.as_secs_f64());
            metrics::gauge!(DURATION).set(took.as_secs_f64());
            metrics::gauge!(OVERDUE).set(0.0);
            return Some(age);
        }
        if self.expected {
            let database = age(self.began().await);
            let overdue = first_overdue(database, age(self.started), self.settings.rpo);
            metrics::gauge!(OVERDUE).set(overdue.as_secs_f64());
        }
        None
    }

    fn tell_of_drills(&self) {
        let Found { last, first, drilled, .. } = self.found;
        if let Some(at) = drilled {
            metrics::gauge!(DRILL_AGE).set(age(at).as_secs_f64());
            metrics::gauge!(DRILL_OVERDUE).set(0.0);
        } else if let (Some(_), Some(first)) = (last, first) {
            let overdue = age(first).saturating_sub(self.settings.drill_age_max);
            metrics::gauge!(DRILL_OVERDUE).set(overdue.as_secs_f64());
        }
    }

    /// Since when there is a database, or a service while that cannot be asked.
    async fn began(&mut self) -> Timestamp {
        if self.began.is_none() {
            let status = self.store.migration_status().await.ok();
            self.began = status.and_then(|status| Some(status.applied.first()?.applied_at));
        }
        self.began.unwrap_or(self.started)
    }
}

impl Found {
    /// What can be read of it.
    fn read(settings: &BackupSettings) -> Self {
        let catalogue = Catalogue::new(&settings.dir);
        let listed = catalogue.list().unwrap_or_default();
        let took = |from: Timestamp, to: Timestamp| Duration::try_from(to.duration_since(from));
        let oldest = listed.iter().rev().find_map(Listed::manifest).map(|manifest| manifest.point_at);
        Self {
            last: listed.iter().find_map(Listed::manifest).map(|manifest| {
                (manifest.point_at, took(manifest.point_at, manifest.finished_at).unwrap_or_default())
            }),
            any: !listed.is_empty(),
            first: catalogue.in_use_since().into_iter().chain(oldest).min(),
            drilled: backup::last_passed(settings).ok().flatten().map(|drill| drill.at),
        }
    }

    /// This, and what was known before where it says nothing.
    fn or(self, before: Self) -> Self {
        Self {
            last: self.last.or(before.last),
            any: self.any || before.any,
            first: self.first.or(before.first),
            drilled: self.drilled.or(before.drilled),
        }
    }
}

/// For how long the first good backup has been overdue. It is owed `rpo` after there was something to lose, and not before
/// the service has had the time to make one.
fn first_overdue(database: Duration, service: Duration, rpo: Duration) -> Duration {
    let grace = rpo.min(FIRST_WITHIN);
    database.saturating_sub(rpo).min(service.saturating_sub(grace))
}

fn changed_at(dir: PathBuf) -> Option<SystemTime> {
    dir.metadata().and_then(|found| found.modified()).ok()
}

fn age(then: Timestamp) -> Duration {
    Duration::try_from(clock::now().duration_since(then)).unwrap_or(Duration::ZERO)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_backup_is_owed_from_the_databases_beginning() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        let overdue = |database, service, rpo| {
            first_overdue(minutes(database), minutes(service), minutes(rpo)).as_secs() / 60
        };
        assert_eq!(overdue(60, 60, 60), 0);
        assert_eq!(overdue(70, 70, 60), 10);
        // A service that restarts every hour.
        assert_eq!(overdue(600, 59, 60), 44);
        // It has just begun, on an old database: perhaps it makes one.
        assert_eq!(overdue(600, 15, 60), 0);
        assert_eq!(overdue(600, 2, 1), 1);
    }

    #[test]
    fn what_is_gone_was_there_all_the_same() {
        let there =
            Found { last: Some((Timestamp::UNIX_EPOCH, Duration::ZERO)), any: true, ..Found::default() };
        assert_eq!(Found::default().or(there), there);
        let later = Found { last: Some((Timestamp::MAX, Duration::ZERO)), any: true, ..Found::default() };
        assert_eq!(later.or(there), later);
    }
}
