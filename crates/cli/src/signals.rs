//! SIGINT and SIGTERM: the first one asks to end, the second one ends.

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
        self.requested.cancel();
        self.first.set(exit).is_ok()
    }
}

/// Listens from now on. On the second signal `at_once` runs and the process ends.
pub(crate) fn listen(at_once: impl Fn() + Send + 'static) -> Result<Shutdown, CliError> {
    let failed = |error| CliError::new(Exit::Failed, "signals", "signals cannot be handled").why(error);
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let shutdown = Shutdown::default();
    let seen = shutdown.clone();
    tokio::spawn(async move {
        while let Some(exit) = next(&mut interrupt, &mut terminate).await {
            if !seen.received(exit) {
                at_once();
                std::process::exit(exit.code().into());
            }
        }
    });
    Ok(shutdown)
}

async fn next(interrupt: &mut Signal, terminate: &mut Signal) -> Option<Exit> {
    tokio::select! {
        received = interrupt.recv() => received.map(|()| Exit::Interrupted),
        received = terminate.recv() => received.map(|()| Exit::Terminated),
    }
}
