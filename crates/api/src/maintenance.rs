//! The mode, by hand.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::task::Timestamp;

/// How the service may be used now: the instance that answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaintenanceAnswer {
    /// The instance's name. The others have modes of their own.
    pub instance: String,
    /// `normal`, `read_only` or `draining`.
    pub mode: String,
    /// Why writes are refused; null when they are not.
    pub reason: Option<String>,
    /// What an operator said; null when nobody did.
    pub maintenance: Option<MaintenanceNow>,
    /// Whether the next start of the instance will know what the operator said. False when it could not be written down.
    pub survives_restart: bool,
}

/// What an operator said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MaintenanceNow {
    /// The mode.
    pub mode: MaintenanceMode,
    /// Why.
    pub reason: String,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub since: Timestamp,
    /// The id of the request that began it.
    pub set_by: String,
}

/// A mode that an operator can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MaintenanceMode {
    /// What would change something is refused.
    ReadOnly,
}

/// Asks for a mode.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetMaintenance {
    /// The mode.
    pub mode: MaintenanceMode,
    /// Why: 1 to 500 characters. Clients are told.
    pub reason: String,
}
