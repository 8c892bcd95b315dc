//! The archive of SQLite's log beside the running service, where `backup.wal` asks for it.

use std::error::Error;
use std::sync::Arc;

use taskward_config::{Config, DatabaseTarget, WalMode};
use taskward_ops::backup::{LogEvent, LogFigures, archive_log};
use taskward_store::SqliteLog;
use taskward_store::sqlite::wal::Follower;

/// What the store and the archive share; `None` where the log is not archived by this process.
pub(super) fn follower(config: &Config) -> Option<Arc<Follower>> {
    let is_sqlite = matches!(config.database.target(), DatabaseTarget::Sqlite(_));
    (is_sqlite && config.backup.wal == WalMode::Stream).then(|| Arc::new(Follower::default()))
}

/// What the store does with the log.
pub(super) fn kept(follower: Option<&Arc<Follower>>) -> SqliteLog {
    follower.map_or(SqliteLog::Discarded, |follower| SqliteLog::Followed(Arc::clone(follower)))
}

/// Begins to archive; ends with the store. A service whose log cannot be archived starts all the same.
pub(super) async fn archive(config: &Config, follower: Option<Arc<Follower>>) {
    let (Some(follower), DatabaseTarget::Sqlite(path)) = (follower, config.database.target()) else { return };
    let (backups, figures) = (config.backup.dir.clone(), Arc::new(LogFigures::default()));
    let begin = move || archive_log(&path, &backups, &follower, &figures, Box::new(tell));
    match tokio::task::spawn_blocking(begin).await {
        Ok(Ok(_)) => {}
        Ok(Err(error)) => tracing::error!(error = &error as &dyn Error, "the database's log is not archived"),
        Err(error) => tracing::error!(error = &error as &dyn Error, "the database's log is not archived"),
    }
}

fn tell(event: LogEvent<'_>) {
    match event {
        LogEvent::Failing { dir, error } => {
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
