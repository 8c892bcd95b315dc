//! Backups beside the running service: how old the last one and the last drill are, what is overdue, and a new one when it
//! is due.

mod attempts;
mod seen;

use std::sync::Arc;
use std::time::Duration;

use taskward_config::Config;
use taskward_ops::backup::{self, BackupError, BackupSettings, Clock, CreateOptions, Listener};
use taskward_store::Store;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use crate::clock;
use attempts::{Attempts, Outcome};
use seen::Seen;

/// How often the age is told anew, and the directory looked at for news: with what follows an age that is too great is
/// noticed within five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How often it is, when backups are due more often than that.
const LOOK_EVERY_MIN: Duration = Duration::from_secs(1);

/// Ends with the service.
pub(super) struct Watch(JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Watches the backups, and makes them by `backup.schedule` where that is set.
pub(super) fn watch(config: &Config, store: Arc<dyn Store>) -> Watch {
    let settings = BackupSettings::from(config);
    let schedule = config.backup.schedule;
    let mut seen = Seen::new(settings.clone(), schedule.is_some(), store);
    Watch(tokio::spawn(async move {
        match schedule {
            Some(schedule) => make_by(schedule, &settings, &mut seen).await,
            None => loop {
                seen.look().await;
                sleep(LOOK_EVERY).await;
            },
        }
    }))
}

/// Makes a backup whenever the last one is older than that, for ever.
async fn make_by(schedule: Duration, settings: &BackupSettings, seen: &mut Seen) {
    let every = schedule.clamp(LOOK_EVERY_MIN, LOOK_EVERY);
    let mut attempts = Attempts::new(schedule, every);
    loop {
        let age = seen.look().await;
        if age.is_some_and(|age| age < schedule) {
            attempts.end(Outcome::Made, Instant::now());
        } else if attempts.is_due(Instant::now()) {
            let outcome = beside(make(settings), seen, every).await;
            attempts.end(outcome, Instant::now());
            seen.look().await;
        }
        sleep(every).await;
    }
}

/// Goes on telling how old everything is while a backup is made: that may take hours, or never end.
async fn beside(making: impl Future<Output = Outcome>, seen: &mut Seen, every: Duration) -> Outcome {
    let mut making = std::pin::pin!(making);
    loop {
        tokio::select! {
            outcome = &mut making => return outcome,
            () = sleep(every) => {}
        }
        seen.look().await;
    }
}

/// Makes a backup, and removes those that are not kept any longer.
async fn make(settings: &BackupSettings) -> Outcome {
    let nobody: Listener = Arc::new(|_| ());
    let options = CreateOptions { program: env!("CARGO_PKG_VERSION").to_owned(), ..CreateOptions::default() };
    match backup::create(settings, options, Clock::at(clock::now()), &nobody).await {
        Ok(made) => tracing::info!("made the backup {}", made.manifest.id),
        Err(BackupError::Locked(_)) => return Outcome::Elsewhere,
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "no backup was made");
            return Outcome::Failed;
        }
    }
    match backup::prune(settings, false, &nobody).await {
        // Another instance does.
        Ok(_) | Err(BackupError::Locked(_)) => {}
        Err(error) => {
            tracing::error!(error = &error as &dyn std::error::Error, "old backups were not removed");
        }
    }
    Outcome::Made
}
