//! SIGINT, SIGTERM and a closed terminal: the first one asks to end, the second one ends.

use std::sync::{Arc, OnceLock};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::error::CliError;
use crate::exit::Exit;

/// Whether this process was asked to end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shutdown {
    /// Cancelled by the first signal.
    pub(crate) requested: CancellationToken,
    first: Arc<OnceLock<Exit>>,
}

impl Shutdown {
    /// Which signal asked, as the exit code it stands for.
    pub(crate) fn signal(&self) -> Option<Exit> {
        self.first.get().copied()
    }

    fn received(&self, exit: Exit) -> bool {
        let first = self.first.set(exit).is_ok();
        // Whoever hears of it asks which signal it was.
        self.requested.cancel();
        first
    }
}

/// Listens from now on. On the second signal `at_once` runs and the process ends.
pub(crate) fn listen(at_once: impl Fn() + Send + 'static) -> Result<Shutdown, CliError> {
    let failed = |error| CliError::new(Exit::Failed, "signals", "signals cannot be handled").why(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    // Under nohup a closed terminal is nothing to listen to.
    let mut hangup =
        if hangup_is_ignored() { None } else { Some(signal(SignalKind::hangup()).map_err(failed)?) };
    let shutdown = Shutdown::default();
    let seen = shutdown.clone();
    tokio::spawn(async move {
        while let Some(exit) = next(&mut interrupt, &mut terminate, hangup.as_mut()).await {
            if !seen.received(exit) {
                at_once();
                std::process::exit(exit.code().into());
            }
        }
    });
    Ok(shutdown)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal, hangup: Option<&mut Signal>) -> Option<Exit> {
    let hung_up = async {
        match hangup {
            Some(hangup) => hangup.recv().await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        received = hung_up => received.map(|()| Exit::Terminated),
        received = interrupt.recv() => received.map(|()| Exit::Interrupted),
        received = terminate.recv() => received.map(|()| Exit::Terminated),
    }
}

/// Whether this process was started with SIGHUP ignored. Not knowing is no.
fn hangup_is_ignored() -> bool {
    const SIGHUP_BIT: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & SIGHUP_BIT != 0)
}
