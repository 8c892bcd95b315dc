//! PostgreSQL's log beside the running service: received where `backup.wal` is `stream`, and watched either way.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use taskward_config::{Config, WalMode};
use taskward_ops::backup::{self, BackupError, BackupSettings, StreamEvent, StreamListener, WalWatch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::{ARCHIVED, FAILURES, LAG};
use crate::clock;

/// How often is looked how far the archive is behind.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How often is tried to receive what somebody else receives.
const TRY_EVERY: Duration = Duration::from_secs(2);

/// How long the end of the service waits for the rest of the log.
const LAST_LOOK: Duration = Duration::from_secs(1);

const HELD: &str = "taskward_backup_wal_held_bytes";

/// Ends with the service.
pub(in crate::commands::serve) struct Wal {
    looks: Option<JoinHandle<()>>,
    receives: Option<JoinHandle<()>>,
    stop: CancellationToken,
}

impl Wal {
    /// Has it written down that the log reaches to now, and ends what receives it. Returns when that has ended: the process
    /// would leave it behind otherwise.
    pub(in crate::commands::serve) async fn end(self) {
        self.stop.cancel();
        if let Some(looks) = self.looks {
            looks.abort();
        }
        let Some(mut receives) = self.receives else { return };
        if tokio::time::timeout(LAST_LOOK, &mut receives).await.is_err() {
            receives.abort();
            // An error is how a task that was aborted ends.
            let _ = receives.await;
        }
    }
}

/// Receives the log, and watches it, as the configuration says.
pub(in crate::commands::serve) fn watch(config: &Config) -> Wal {
    let settings = BackupSettings::from(config);
    let stop = CancellationToken::new();
    let looks = WalWatch::new(&settings).map(|watch| tokio::spawn(look(watch)));
    let is_received = looks.is_some() && settings.wal == WalMode::Stream;
    let receives = is_received.then(|| tokio::spawn(receive(settings, stop.clone())));
    Wal { looks, receives, stop }
}

async fn receive(settings: BackupSettings, stop: CancellationToken) {
    let listener: StreamListener = Arc::new(|event| match event {
        StreamEvent::Streaming { slot, made } => {
            let how = if made { ", which was made" } else { "" };
            tracing::info!("PostgreSQL's log is received through the slot {slot}{how}");
        }
        StreamEvent::GaveUp { slot } => {
            metrics::counter!(FAILURES).increment(1);
            tracing::error!(
                "the server had given up the replication slot {slot}: PostgreSQL's log has a gap, and a new window begins \
                 with the next backup (taskward backup create)"
            );
        }
        StreamEvent::Archived { bytes, .. } => metrics::counter!(ARCHIVED).increment(bytes),
        StreamEvent::Interrupted(error) => {
            metrics::counter!(FAILURES).increment(1);
            tracing::error!(error = error.described(), "PostgreSQL's log is not archived; tried again");
        }
    });
    let mut told = false;
    loop {
        if let Err(error) = backup::stream(&settings, &listener, &stop).await
            && !std::mem::replace(&mut told, true)
        {
            match error {
                BackupError::Locked(dir) => {
                    tracing::info!("PostgreSQL's log is received into {} by somebody else", dir.display());
                }
                error => tracing::error!(error = &error as &dyn Error, "PostgreSQL's log cannot be received"),
            }
        }
        if stop.run_until_cancelled(tokio::time::sleep(TRY_EVERY)).await.is_none() {
            return;
        }
    }
}

async fn look(mut watch: WalWatch) {
    let mut failing = None;
    loop {
        let lag = match watch.look().await {
            Ok(reading) => {
                metrics::gauge!(HELD).set(reading.held_bytes as f64);
                if reading.failing != failing {
                    if let Some(file) = &reading.failing {
                        metrics::counter!(FAILURES).increment(1);
                        tracing::error!("PostgreSQL's archive_command fails at {file}; its log says why");
                    }
                    failing = reading.failing;
                }
                reading.lag
            }
            // The database is away, which is told elsewhere; what was behind stays so.
            Err(_) => watch.lag(clock::now()),
        };
        metrics::gauge!(LAG).set(lag.as_secs_f64());
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
