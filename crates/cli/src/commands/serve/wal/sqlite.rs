//! SQLite's log: archived by a thread that follows the writer.

use std::error::Error;
use std::sync::Arc;

use taskward_config::{Config, DatabaseTarget, WalMode};
use taskward_ops::backup::{LogEvent, archive_log};
use taskward_store::SqliteLog;
use taskward_store::sqlite::wal::Follower;

use super::{ARCHIVED, FAILURES, LAG};

/// What the store and the archive share; `None` where the log is not archived by this process.
pub(in crate::commands::serve) fn follower(config: &Config) -> Option<Arc<Follower>> {
    let is_sqlite = matches!(config.database.target(), DatabaseTarget::Sqlite(_));
    (is_sqlite && config.backup.wal == WalMode::Stream).then(|| Arc::new(Follower::default()))
}

/// What the store does with the log.
pub(in crate::commands::serve) fn kept(follower: Option<&Arc<Follower>>) -> SqliteLog {
    follower.map_or(SqliteLog::Discarded, |follower| SqliteLog::Followed(Arc::clone(follower)))
}

/// Begins to archive; ends with the store. A service whose log cannot be archived starts all the same.
pub(in crate::commands::serve) async fn archive(config: &Config, follower: Option<Arc<Follower>>) {
    let (Some(follower), DatabaseTarget::Sqlite(path)) = (follower, config.database.target()) else { return };
    let backups = config.backup.dir.clone();
    let begin = move || archive_log(&path, &backups, &follower, Box::new(tell));
    match tokio::task::spawn_blocking(begin).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(error = &error as &dyn Error, "the database's log is not archived"),
        Err(error) => tracing::error!(error = &error as &dyn Error, "the database's log is not archived"),
    }
}

fn tell(event: LogEvent<'_>) {
    match event {
        LogEvent::Archived { bytes } => {
            metrics::counter!(ARCHIVED).increment(bytes);
            metrics::gauge!(LAG).set(0.0);
        }
        LogEvent::Behind(lag) => metrics::gauge!(LAG).set(lag.as_secs_f64()),
        LogEvent::Failing { dir, error } => {
            metrics::counter!(FAILURES).increment(1);
            let error = error as &dyn Error;
            tracing::error!(error, "the database's log cannot be archived in {}", dir.display());
        }
        LogEvent::Works => tracing::info!("the database's log is archived again"),
        LogEvent::Gap(why) => tracing::error!(
            "the archive of the database's log has a gap: {why}; a restore can go beyond it from the next backup on: \
             taskward backup create"
        ),
    }
}
