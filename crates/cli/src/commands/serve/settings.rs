//! From the configuration to what each part wants to know.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::SecretString;
use taskward_config::{AlertMail, Config, DatabaseTarget, Loaded, LogFormat, SmtpSecurity, ValueOrigin};
use taskward_server::alerts::{
    AlertSettings, ChannelKind, ChannelSettings, HttpSettings, MailSecurity, MailSettings,
};
use taskward_server::settings::{Settings, ShownSetting};
use taskward_server::telemetry::log::{
    self, LogFileSettings, LogService, LogSettings, LogStream, Rotation, level_filter,
};
use taskward_server::telemetry::metrics::Directories;
use taskward_store::{SqliteLog, StoreOptions};

use super::key_age;
use crate::traces::Resource;

/// PostgreSQL tells of news from another instance, which are hardly ever lost: and whoever connects anew looks anyway.
const POLL_POSTGRES: Duration = Duration::from_secs(5);
/// SQLite tells nothing of another process on its file.
const POLL_SQLITE: Duration = Duration::from_secs(1);

pub(super) fn server(loaded: &Loaded) -> Settings {
    let config = &loaded.config;
    Settings {
        env: config.env.to_string(),
        instance: instance(config),
        host: config.server.host.clone(),
        port: config.server.port,
        api_key: config.server.api_key.clone(),
        key_age: key_age::known(loaded),
        drain_timeout: config.server.drain_timeout,
        drain_notice: config.server.drain_notice,
        request_timeout: config.server.request_timeout,
        connections_max: config.server.connections_max,
        limits: config.tasks.limits(),
        retention: config.tasks.retention,
        poll: match config.database.target() {
            DatabaseTarget::Sqlite(_) => POLL_SQLITE,
            DatabaseTarget::Postgres(_) => POLL_POSTGRES,
        },
        pending_tasks_max: config.tasks.pending_tasks_max,
        pending_bytes_max: config.tasks.pending_bytes_max,
        state_dir: state_dir(config),
        metrics: config.metrics.enabled,
        directories: directories(config),
        configuration: loaded.values.iter().map(shown).collect(),
        alerts: alerts(config),
    }
}

/// A key as `taskward config show --origin` prints it.
fn shown(value: &ValueOrigin) -> ShownSetting {
    ShownSetting {
        key: value.key.to_owned(),
        value: value.text.clone(),
        origin: value.origin.to_string(),
        explicit: value.origin.is_explicit(),
        note: value.note.clone(),
    }
}

fn alerts(config: &Config) -> AlertSettings {
    let section = &config.alerts;
    let urls = [
        (ChannelKind::Webhook, &section.webhook_url),
        (ChannelKind::Alertmanager, &section.alertmanager_url),
        (ChannelKind::Slack, &section.slack_url),
        (ChannelKind::Feishu, &section.feishu_url),
        (ChannelKind::DingTalk, &section.dingtalk_url),
        (ChannelKind::WeCom, &section.wecom_url),
    ];
    let channel = |(kind, url): (ChannelKind, &Option<SecretString>)| {
        let secret = section.webhook_secret.clone().filter(|_| kind == ChannelKind::Webhook);
        Some(ChannelSettings::Http(HttpSettings { kind, url: url.clone()?, secret }))
    };
    let mail = section.mail().map(|told| ChannelSettings::Email(mail(told)));
    AlertSettings {
        enabled: section.enabled,
        thresholds: section.thresholds(),
        runbook_url: section.runbook_url.clone(),
        group_wait: section.group_wait,
        repeat_every: section.repeat_every,
        channels: urls.into_iter().filter_map(channel).chain(mail).collect(),
        env: config.env.to_string(),
        instance: instance(config),
    }
}

fn mail(told: AlertMail) -> MailSettings {
    let AlertMail { server, from, to } = told;
    let security = match server.security {
        SmtpSecurity::Tls => MailSecurity::Tls,
        SmtpSecurity::StartTls => MailSecurity::StartTls,
        SmtpSecurity::None => MailSecurity::None,
    };
    let (host, port, credentials) = (server.host, server.port, server.credentials);
    MailSettings { host, port, security, credentials, from, to }
}

/// Where this instance keeps what must survive its restart.
fn state_dir(config: &Config) -> PathBuf {
    config.server.state_dir.clone().unwrap_or_else(|| match config.database.target() {
        DatabaseTarget::Sqlite(file) => directory_of(&file),
        DatabaseTarget::Postgres(_) => PathBuf::from("data"),
    })
}

/// Where this machine keeps what the service writes.
fn directories(config: &Config) -> Directories {
    let data = match config.database.target() {
        DatabaseTarget::Sqlite(file) => Some(directory_of(&file)),
        DatabaseTarget::Postgres(_) => None,
    };
    Directories { data, log: config.logging.file.as_deref().map(directory_of) }
}

fn directory_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

pub(super) fn store(config: &Config, log: SqliteLog) -> StoreOptions {
    StoreOptions {
        limits: config.tasks.limits(),
        idempotency_window: config.tasks.idempotency_window,
        pool_size: config.database.pool_size,
        replica_url: config.database.replica_url.clone(),
        connect_timeout: config.database.connect_timeout,
        statement_timeout: config.database.statement_timeout,
        log,
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
        level: level_filter(logging.level),
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

/// Who makes the service's spans.
pub(super) fn resource(config: &Config) -> Resource {
    let who = [
        ("service.name", config.app.name.clone()),
        ("service.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("service.instance.id", instance(config)),
        ("deployment.environment.name", config.env.to_string()),
    ];
    who.map(|(name, value)| (name.to_owned(), value)).into()
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
