//! What alerts have to be told.

use std::time::Duration;

use secrecy::SecretString;
use taskward_core::alert::Thresholds;

/// When something is wrong, and who is told.
#[derive(Debug, Clone)]
pub struct AlertSettings {
    /// Whether rules are watched at all.
    pub enabled: bool,
    /// Where each rule begins to be broken.
    pub thresholds: Thresholds,
    /// Where the runbook can be read.
    pub runbook_url: String,
    /// How long to wait for more alerts before telling.
    pub group_wait: Duration,
    /// How often to tell again of what still fires.
    pub repeat_every: Duration,
    /// Who is told.
    pub channels: Vec<ChannelSettings>,
    /// `dev`, `staging` or `prod`; told with every alert.
    pub env: String,
    /// This instance's name; told with every alert.
    pub instance: String,
}

impl Default for AlertSettings {
    /// The rules' own thresholds, and nobody to tell.
    fn default() -> Self {
        Self {
            enabled: true,
            thresholds: Thresholds::default(),
            runbook_url: "docs/runbook/monitoring.md".to_owned(),
            group_wait: Duration::from_secs(5),
            repeat_every: Duration::from_secs(4 * 3600),
            channels: Vec::new(),
            env: "dev".to_owned(),
            instance: String::new(),
        }
    }
}

/// Somebody to tell.
#[derive(Debug, Clone)]
pub enum ChannelSettings {
    /// A program or a chat, by HTTP.
    Http(HttpSettings),
    /// People, by e-mail.
    Email(MailSettings),
}

/// Whom to tell by HTTP.
#[derive(Debug, Clone)]
pub struct HttpSettings {
    /// How they are spoken to.
    pub kind: ChannelKind,
    /// Where they are.
    pub url: SecretString,
    /// What the webhook's messages are signed with: `whsec_` and base64. Nothing else is signed.
    pub secret: Option<SecretString>,
}

/// Whom to tell by e-mail, and through which server.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the way to it is protected.
    pub security: MailSecurity,
    /// As whom to sign in, with the password.
    pub credentials: Option<(String, SecretString)>,
    /// Who sends: one address.
    pub from: String,
    /// Who gets it: at least one address.
    pub to: Vec<String>,
}

/// How the way to a mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first byte.
    Tls,
    /// TLS before anything else is said; a server without it is told nothing.
    StartTls,
    /// Not at all.
    None,
}

impl ChannelSettings {
    /// How they are spoken to.
    pub fn kind(&self) -> ChannelKind {
        match self {
            Self::Http(settings) => settings.kind,
            Self::Email(_) => ChannelKind::Email,
        }
    }
}

/// How somebody is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ChannelKind {
    /// JSON, signed as Standard Webhooks say.
    Webhook,
    /// Alertmanager's API, version 2.
    Alertmanager,
    /// Slack's incoming webhooks.
    Slack,
    /// Feishu's (Lark's) custom bots.
    Feishu,
    /// DingTalk's custom bots.
    DingTalk,
    /// WeCom's group bots.
    WeCom,
    /// E-mail.
    Email,
}

impl ChannelKind {
    /// The name, as in metrics and answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Alertmanager => "alertmanager",
            Self::Slack => "slack",
            Self::Feishu => "feishu",
            Self::DingTalk => "dingtalk",
            Self::WeCom => "wecom",
            Self::Email => "email",
        }
    }
}
