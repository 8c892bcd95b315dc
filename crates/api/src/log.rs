//! The levels of the service's log.

use serde::{Deserialize, Serialize};
pub use taskward_core::LogLevel;
use utoipa::ToSchema;

use crate::duration::HumanDuration;
use crate::task::Timestamp;

/// What the service logs now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLevels {
    /// The level of everything that `targets` does not name.
    #[schema(value_type = String, pattern = "^(ERROR|WARNING|INFO|DEBUG|TRACE)$")]
    pub level: LogLevel,
    /// The level of the configuration, to which the log reverts.
    #[schema(value_type = String, pattern = "^(ERROR|WARNING|INFO|DEBUG|TRACE)$")]
    pub configured: LogLevel,
    /// When `level` reverts; null while it is the configured one.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub reverts_at: Option<Timestamp>,
    /// The id of the request that set `level`; null while it is the configured one.
    pub set_by: Option<String>,
    /// Parts of the service that log at a level of their own.
    pub targets: Vec<TargetLevel>,
}

/// A part of the service with a level of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetLevel {
    /// The module, with all below it: `taskward_store::postgres`.
    pub target: String,
    /// Its level.
    #[schema(value_type = String, pattern = "^(ERROR|WARNING|INFO|DEBUG|TRACE)$")]
    pub level: LogLevel,
    /// When it reverts.
    #[schema(value_type = String, format = DateTime)]
    pub reverts_at: Timestamp,
    /// The id of the request that set it.
    pub set_by: String,
}

/// What the service shall log for a while.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetLogLevel {
    /// `ERROR`, `WARNING` (or `WARN`), `INFO`, `DEBUG` or `TRACE`, in any case. The level that holds anyway takes
    /// back what was set before.
    pub level: String,
    /// The module it is for, with all below it; everything when it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// For how long, `1s` to `24h`; `15m` when it is not given.
    #[serde(default, rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasts: Option<HumanDuration>,
}
