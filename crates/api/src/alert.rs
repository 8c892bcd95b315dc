//! Alerts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use taskward_core::alert::Unit;
use utoipa::ToSchema;

use crate::HumanDuration;

/// All alerts, and who is told of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertList {
    /// Each rule, in the order of the documentation; a rule that is wrong for several labels once for each.
    pub alerts: Vec<Alert>,
    /// Who is told.
    pub channels: Vec<AlertChannel>,
}

/// A rule and how it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// The rule's name, such as `HighLatency`.
    pub rule: String,
    /// How it stands.
    pub state: AlertState,
    /// What it is about, such as a `queue`; empty when it is about the whole service, or not wrong.
    pub labels: BTreeMap<String, String>,
    /// `warning` or `critical`.
    pub severity: String,
    /// Within which time somebody should have begun to work on it.
    pub respond_within: HumanDuration,
    /// The number at the last look: the one that is wrong, or the worst of those that are not; null without data.
    pub value: Option<f64>,
    /// Where it begins to be wrong.
    pub threshold: f64,
    /// What `value` and `threshold` count.
    pub unit: AlertUnit,
    /// Since when it has been wrong; null when nothing is.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub since: Option<Timestamp>,
    /// What is wrong, or would be, in a few words.
    pub summary: String,
    /// What is wrong, with its numbers; null when nothing is.
    pub description: Option<String>,
    /// What to do, first things first.
    pub steps: Vec<AlertStep>,
    /// Where the runbook says more.
    pub runbook_url: String,
    /// Why nobody is told, when somebody said so.
    pub silence: Option<Silence>,
}

/// How a rule stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// Nothing is wrong.
    Inactive,
    /// There is nothing to judge by: no traffic yet, or nothing that can be measured here.
    NoData,
    /// Something is wrong, but not yet for long enough.
    Pending,
    /// Something is wrong.
    Firing,
}

impl AlertState {
    /// The name, as in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::NoData => "no_data",
            Self::Pending => "pending",
            Self::Firing => "firing",
        }
    }
}

/// What a rule's number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlertUnit {
    /// Seconds.
    Seconds,
    /// A share of 1.
    Share,
    /// Pieces.
    Count,
    /// Bytes.
    Bytes,
    /// 1 for yes, 0 for no: the state says it all, there is no number to tell.
    Flag,
}

impl AlertUnit {
    /// A number as people read it: `2.45s`, `15m`, `5.3%`, `12`, `1.5GiB`. None for a flag.
    pub fn text(self, value: f64) -> Option<String> {
        let unit = match self {
            Self::Seconds => Unit::Seconds,
            Self::Share => Unit::Share,
            Self::Count => Unit::Count,
            Self::Bytes => Unit::Bytes,
            Self::Flag => return None,
        };
        Some(unit.format(value))
    }
}

impl From<Unit> for AlertUnit {
    fn from(unit: Unit) -> Self {
        match unit {
            Unit::Seconds => Self::Seconds,
            Unit::Share => Self::Share,
            Unit::Count => Self::Count,
            Unit::Bytes => Self::Bytes,
            Unit::Flag => Self::Flag,
        }
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertStep {
    /// What, and what to look for.
    pub text: String,
    /// The command, when it is one.
    pub command: Option<String>,
}

/// A rule of which nobody is told for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Silence {
    /// Until when.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Why.
    pub reason: String,
}

/// Asks for silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SilenceRequest {
    /// For how long, up to 30 days.
    #[serde(rename = "for")]
    pub hold: HumanDuration,
    /// Why: 1 to 500 characters.
    pub reason: String,
}

/// A rule and its silence.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SilenceAnswer {
    /// The rule's name.
    pub rule: String,
    /// Its silence now; null when there is none.
    pub silence: Option<Silence>,
}

/// Somebody who is told of alerts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AlertChannel {
    /// `webhook`, `alertmanager`, `slack`, `feishu`, `dingtalk`, `wecom` or `email`.
    pub channel: String,
    /// Notifications that arrived since the service started.
    pub delivered: u64,
    /// Notifications that did not, however often they were tried, or were dropped because too many waited.
    pub failed: u64,
    /// Why the latest one did not arrive; null when it did, or there was none.
    pub last_error: Option<String>,
}
