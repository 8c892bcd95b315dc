//! `alerts`: when something is wrong, and who is told.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use taskward_core::alert::Thresholds;

use super::{ms, section, size};
use crate::schema::Kind;
use crate::smtp::{self, SmtpServer};

const HOLD: Kind = Kind::Duration { ms_min: 0, ms_max: ms::DAY };
const WINDOW: Kind = Kind::Duration { ms_min: 10 * ms::SECOND, ms_max: ms::HOUR };

section! {
    /// When something is wrong, and who is told. The rules themselves are in docs/alerts.md.
    Alerts = "alerts" {
        /// Whether the service watches itself by these rules.
        enabled: bool = Kind::Boolean, default: "true";
        /// Where docs/runbook/monitoring.md can be read; alerts link to their heading there.
        runbook_url: String = Kind::Label, default: "docs/runbook/monitoring.md";
        /// The window of latencies and of the error rate.
        window: Duration = WINDOW, default: "5m";
        /// Requests within the window, fewer of which say nothing about latency and errors.
        requests_min: u32 = Kind::Integer { min: 1, max: 1_000_000_000 }, default: "20";
        /// HighLatency: above this P95 requests are slow.
        high_latency: Duration = Kind::Duration { ms_min: 1, ms_max: ms::MINUTE }, default: "2s";
        /// HighLatency: for how long before somebody is told.
        high_latency_for: Duration = HOLD, default: "60s";
        /// ErrorRate: 5xx answers of a hundred requests that are still well.
        error_rate_percent: u32 = Kind::Integer { min: 1, max: 99 }, default: "5";
        /// ErrorRate: for how long before somebody is told.
        error_rate_for: Duration = HOLD, default: "60s";
        /// DatabaseDown: for how long the database may not answer, or take no writes, before somebody is told. The service
        /// is read-only at once, whatever this says.
        database_down_for: Duration = HOLD, default: "0s";
        /// DiskFull and InodesFull: the use of a file system, in percent, that is still well.
        disk_full_percent: u32 = Kind::Integer { min: 1, max: 99 }, default: "90";
        /// DiskFull and InodesFull: for how long before somebody is told.
        disk_full_for: Duration = HOLD, default: "60s";
        /// QueueStuck: how long a task may be ready before somebody takes it.
        queue_stuck: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY }, default: "15m";
        /// QueueStuck: for how long before somebody is told.
        queue_stuck_for: Duration = HOLD, default: "60s";
        /// NoWorkers: how long a task may be ready while none of its queue runs.
        no_workers: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY }, default: "2m";
        /// NoWorkers: for how long before somebody is told.
        no_workers_for: Duration = HOLD, default: "60s";
        /// DeadTasks and LeaseRescues: the window in which they are counted.
        tasks_window: Duration = WINDOW, default: "10m";
        /// DeadTasks: tasks of a queue that may die within the window.
        dead_tasks_max: u32 = Kind::Integer { min: 0, max: 1_000_000_000 }, default: "10";
        /// LeaseRescues: leases of a queue that may expire within the window because workers vanish.
        lease_rescues_max: u32 = Kind::Integer { min: 0, max: 1_000_000_000 }, default: "10";
        /// ErrorBudgetBurn and ErrorBudgetBurnSlow: requests of a thousand that may fail in the long run; 1 is an
        /// objective of 99.9 %.
        error_budget_permille: u32 = Kind::Integer { min: 1, max: 60 }, default: "1";
        /// ErrorBudgetBurn and ErrorBudgetBurnSlow: for how long before somebody is told.
        error_budget_for: Duration = HOLD, default: "2m";
        /// KeyTooOld: how old the file may be that the API key is read from.
        key_too_old: Duration = Kind::Duration { ms_min: ms::HOUR, ms_max: 3650 * ms::DAY }, default: "90d";
        /// BackupTooOld: how old the last good backup may be.
        backup_too_old: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 365 * ms::DAY }, default: "26h";
        /// DrillTooOld, and `taskward backup check`: how long ago a backup may have been restored in a drill that met its
        /// objectives. NoDrill: how long ago the first backup may have been made, while there was no such drill.
        drill_too_old: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 3650 * ms::DAY }, default: "35d";
        /// WalArchiveLag: how far the archive of the database's log may be behind.
        wal_archive_lag: Duration = Kind::Duration { ms_min: ms::SECOND, ms_max: 30 * ms::DAY }, default: "1m";
        /// WalHeldBack, and `taskward backup check`: how much of its log PostgreSQL may hold back for the archive.
        wal_held_back: usize = Kind::Bytes { min: size::MIB, max: 16 * 1024 * size::GIB }, default: "1GiB";
        /// How long to wait for more alerts, so that what comes together is told together.
        group_wait: Duration = Kind::Duration { ms_min: 0, ms_max: ms::HOUR }, default: "5s";
        /// How often to tell again of what still fires.
        repeat_every: Duration = Kind::Duration { ms_min: ms::MINUTE, ms_max: 30 * ms::DAY }, default: "4h";
        /// A URL that is told of alerts, signed as Standard Webhooks want it.
        webhook_url: Option<SecretString> = Kind::SecretUrl, secret: Some("alerts_webhook_url");
        /// The secret that signs: `whsec_` and 24 to 64 bytes in base64.
        webhook_secret: Option<SecretString> = Kind::WebhookSecret, secret: Some("alerts_webhook_secret");
        /// An Alertmanager, such as http://127.0.0.1:9093.
        alertmanager_url: Option<SecretString> = Kind::SecretUrl, secret: Some("alerts_alertmanager_url");
        /// An incoming webhook of Slack, or of what speaks like it.
        slack_url: Option<SecretString> = Kind::SecretUrl, secret: Some("alerts_slack_url");
        /// A custom bot of Feishu (Lark).
        feishu_url: Option<SecretString> = Kind::SecretUrl, secret: Some("alerts_feishu_url");
        /// A custom bot of DingTalk; its keyword can be "Taskward".
        dingtalk_url: Option<SecretString> = Kind::SecretUrl, secret: Some("alerts_dingtalk_url");
        /// A group bot of WeCom.
        wecom_url: Option<SecretString> = Kind::SecretUrl, secret: Some("alerts_wecom_url");
        /// A mail server: `smtp://` is STARTTLS (port 587), `smtps://` TLS from the first byte (465). To this machine
        /// `smtp://` goes without TLS (25) unless it says `?tls=required`; to others only with `?tls=none`, and then
        /// without a password.
        smtp_url: Option<SecretString> = Kind::SmtpUrl, secret: Some("alerts_smtp_url");
        /// Who sends the e-mails.
        email_from: Option<String> = Kind::Address;
        /// Who gets them.
        email_to: Option<String> = Kind::Addresses;
    }
}

/// How alerts are told by e-mail.
#[derive(Debug, Clone)]
pub struct AlertMail {
    /// The server that takes them.
    pub server: SmtpServer,
    /// Who sends them.
    pub from: String,
    /// Who gets them.
    pub to: Vec<String>,
}

impl Alerts {
    /// Whether and how alerts are told by e-mail.
    #[must_use]
    pub fn mail(&self) -> Option<AlertMail> {
        Some(AlertMail {
            server: smtp::parse(self.smtp_url.as_ref()?.expose_secret()).ok()?,
            from: self.email_from.clone()?,
            to: smtp::addresses(self.email_to.as_ref()?)?,
        })
    }

    /// The thresholds as the rules take them.
    #[must_use]
    pub fn thresholds(&self) -> Thresholds {
        // No `..`: a threshold added to the rules does not compile until it is configuration too.
        Thresholds {
            window: self.window,
            requests_min: self.requests_min,
            high_latency: self.high_latency,
            high_latency_for: self.high_latency_for,
            error_rate_percent: self.error_rate_percent,
            error_rate_for: self.error_rate_for,
            database_down_for: self.database_down_for,
            disk_full_percent: self.disk_full_percent,
            disk_full_for: self.disk_full_for,
            queue_stuck: self.queue_stuck,
            queue_stuck_for: self.queue_stuck_for,
            no_workers: self.no_workers,
            no_workers_for: self.no_workers_for,
            tasks_window: self.tasks_window,
            dead_tasks_max: self.dead_tasks_max,
            lease_rescues_max: self.lease_rescues_max,
            error_budget_permille: self.error_budget_permille,
            error_budget_for: self.error_budget_for,
            key_too_old: self.key_too_old,
            backup_too_old: self.backup_too_old,
            drill_too_old: self.drill_too_old,
            wal_archive_lag: self.wal_archive_lag,
            wal_held_back: self.wal_held_back as u64,
        }
    }
}
