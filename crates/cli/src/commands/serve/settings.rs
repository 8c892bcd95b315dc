//! From the configuration to what each part wants to know.

use std::io::IsTerminal;

use taskward_config::{Config, LogFormat, LogLevel};
use taskward_server::Settings;
use taskward_server::telemetry::log::{self, LogFileSettings, LogService, LogSettings, LogStream, Rotation};
use taskward_store::StoreOptions;
use tracing::level_filters::LevelFilter;

pub(super) fn server(config: &Config) -> Settings {
    Settings {
        env: config.env.to_string(),
        instance: instance(config),
        host: config.server.host.clone(),
        port: config.server.port,
        api_key: config.server.api_key.clone(),
        drain_timeout: config.server.drain_timeout,
        drain_notice: config.server.drain_notice,
        request_timeout: config.server.request_timeout,
        connections_max: config.server.connections_max,
        limits: config.tasks.limits(),
        retention: config.tasks.retention,
        pending_tasks_max: config.tasks.pending_tasks_max,
        pending_bytes_max: config.tasks.pending_bytes_max,
    }
}

pub(super) fn store(config: &Config) -> StoreOptions {
    StoreOptions {
        limits: config.tasks.limits(),
        idempotency_window: config.tasks.idempotency_window,
        pool_size: config.database.pool_size,
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
    }
}

/// The log; with `stdout_taken` the result has standard output to itself.
pub(super) fn log(config: &Config, stdout_taken: bool) -> LogSettings {
    let logging = &config.logging;
    let format = match logging.format {
        LogFormat::Human => log::LogFormat::Human,
        LogFormat::Json => log::LogFormat::Json,
    };
    let rotation = Rotation { size: logging.rotate_size as u64, keep: logging.rotate_keep };
    let file = |path| LogFileSettings { path, rotation: logging.rotate.then_some(rotation) };
    LogSettings {
        level: level(logging.level),
        format,
        stream: logging.stdout.then(|| stream(stdout_taken)),
        file: logging.file.clone().map(file),
        service: LogService {
            name: config.app.name.clone(),
            environment: config.env.to_string(),
            instance: instance(config),
        },
    }
}

fn stream(stdout_taken: bool) -> LogStream {
    if stdout_taken {
        return LogStream::Stderr;
    }
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    LogStream::Stdout { colour: !no_colour && std::io::stdout().is_terminal() }
}

pub(super) fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

pub(super) fn address(config: &Config) -> String {
    format!("{}:{}", config.server.host, config.server.port)
}

/// This instance's name: the configured one, or the host's.
fn instance(config: &Config) -> String {
    config.app.instance.clone().unwrap_or_else(|| {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        format!("{}@{host}", config.app.name)
    })
}
