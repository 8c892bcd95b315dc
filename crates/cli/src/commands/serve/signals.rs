//! What the running service does when it is signalled.

use std::io;

use taskward_config::{Config, Loaded, Sources, diff};
use taskward_server::telemetry::log::{LogControl, level_filter};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;

/// The metric that grows with each configuration that is put in force.
const GENERATION: &str = "taskward_config_generation";
/// Exit status of a process ended by SIGINT, as shells report it.
const BY_SIGINT: u8 = 130;
/// Exit status of a process ended by SIGTERM, as shells report it.
const BY_SIGTERM: u8 = 143;

pub(super) struct Signals {
    hangup: Signal,
    /// What log rotators send.
    user: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            hangup: signal(SignalKind::hangup())?,
            user: signal(SignalKind::user_defined1())?,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Answers signals until a second one asks to stop; returns the exit status for that. The first one
    /// stops the service through `stop`.
    pub(super) async fn handle(
        &mut self,
        stop: oneshot::Sender<()>,
        sources: &Sources,
        started: Loaded,
        log: &LogControl,
    ) -> u8 {
        let mut stop = Some(stop);
        let mut current = started.clone();
        loop {
            let status = tokio::select! {
                _ = self.user.recv() => {
                    log.reopen();
                    continue;
                }
                _ = self.hangup.recv() => {
                    log.reopen();
                    if let Some(fresh) = reload(sources, &started, &current, log) {
                        current = fresh;
                    }
                    continue;
                }
                _ = self.interrupt.recv() => BY_SIGINT,
                _ = self.terminate.recv() => BY_SIGTERM,
            };
            match stop.take() {
                // Fails only when the service has stopped already.
                Some(stop) => drop(stop.send(())),
                None => return status,
            }
        }
    }
}

/// Counts the configurations in force.
pub(super) fn first_configuration() {
    metrics::gauge!(GENERATION).set(1.0);
}

/// Reads the configuration again: applies what can be applied, says what needs a restart, and keeps the old
/// one when the new one has problems. What needs a restart is told at every reload until there was one.
fn reload(sources: &Sources, started: &Loaded, current: &Loaded, log: &LogControl) -> Option<Loaded> {
    let fresh = match Config::load(sources) {
        Ok(fresh) => fresh,
        Err(problems) => {
            tracing::error!("reload refused, the configuration is unchanged: {problems}");
            return None;
        }
    };
    let (applied, waiting) = (diff(current, &fresh).reload, diff(started, &fresh).restart);
    if applied.is_empty() && waiting.is_empty() {
        tracing::info!("reload: nothing changed");
    }
    log.levels().configure(level_filter(fresh.config.logging.level));
    if !applied.is_empty() {
        metrics::gauge!(GENERATION).increment(1.0);
    }
    for change in applied {
        tracing::info!("reload: applied {change}");
    }
    for change in waiting {
        tracing::warn!("reload: needs a restart: {change}");
    }
    Some(fresh)
}
