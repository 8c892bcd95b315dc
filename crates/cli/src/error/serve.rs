//! From what ended the service to an error of the command line.

use std::io;

use taskward_server::telemetry::traces::TracesRefused;

use super::CliError;
use crate::commands::serve::ServeFailure;
use crate::exit::Exit;

impl CliError {
    /// What a service that did not start, or did not end well, means.
    pub(crate) fn from_serve(failure: &ServeFailure, database: &str) -> Self {
        let message = failure.to_string();
        match failure {
            ServeFailure::Config(problems) => Self::from_config(problems),
            ServeFailure::Store(error) => Self::from_store(error, database),
            ServeFailure::Migration(plan) => Self::new(Exit::Refused, "migration_by_hand", message)
                .why("programs that run on it would fail, or data would be lost; a backup is made by migrate up")
                .next("taskward migrate plan")
                .detail("plan", plan),
            ServeFailure::Listen { source, address } => listen(source, message, address),
            ServeFailure::Log(error) => Self::new(Exit::Refused, "log_file", message)
                .why(error)
                .next("taskward config explain logging.file"),
            ServeFailure::Metrics(error) => Self::new(Exit::Failed, "metrics", message).why(error),
            ServeFailure::Traces(refused) => Self::from_traces(refused),
            ServeFailure::Signals(error) => Self::new(Exit::Failed, "signals", message).why(error),
            ServeFailure::Drain(_) => Self::new(Exit::ObjectiveMissed, "drain_timed_out", message)
                .state("stopped; what was acknowledged is durable")
                .next("taskward config explain server.drain_timeout"),
            ServeFailure::Interrupted(status) => interrupted(*status, message),
        }
    }
}

impl CliError {
    /// Spans cannot be sent as the configuration says.
    pub(crate) fn from_traces(refused: &TracesRefused) -> Self {
        Self::new(Exit::Usage, "tracing", "spans cannot be sent as the configuration says")
            .why(refused)
            .next("taskward config explain tracing.endpoint")
    }
}

fn listen(error: &io::Error, message: String, address: &str) -> CliError {
    let explain = |key: &str| format!("taskward config explain {key}");
    let (exit, code, next) = match error.kind() {
        io::ErrorKind::AddrInUse => {
            (Exit::Conflict, "port_in_use", format!("taskward health live --url http://{address}"))
        }
        io::ErrorKind::PermissionDenied => (Exit::Refused, "port_refused", explain("server.port")),
        _ => (Exit::Usage, "address_unusable", explain("server.host")),
    };
    CliError::new(exit, code, message).why(error).next(next)
}

fn interrupted(status: u8, message: String) -> CliError {
    let exit = if status == Exit::Interrupted.code() { Exit::Interrupted } else { Exit::Terminated };
    CliError::new(exit, "interrupted", message).state("stopped; what was acknowledged is durable")
}
