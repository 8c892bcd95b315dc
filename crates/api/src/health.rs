//! How the service is.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The answer of `/health`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// The worst of the checks.
    pub status: HealthStatus,
    /// The program's version.
    pub version: String,
    /// `dev`, `staging` or `prod`.
    pub env: String,
    /// The instance's name.
    pub instance: String,
    /// `normal`, `read_only` or `draining`.
    pub mode: String,
    /// Seconds since the service started.
    pub uptime_seconds: f64,
    /// What was looked at.
    pub checks: Vec<HealthCheck>,
}

/// How the service is, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    Ok,
    /// It serves, but something is wrong.
    Degraded,
    /// It does not serve.
    Unavailable,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct HealthCheck {
    /// What was looked at: `database`.
    pub name: String,
    /// How it is.
    pub status: CheckStatus,
    /// How long looking took.
    pub latency_ms: Option<f64>,
    /// What is wrong, and what to do; null when all is well.
    pub message: Option<String>,
}

/// The result of a check. `unknown` is never a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Wrong.
    Fail,
    /// Could not be determined.
    Unknown,
}
