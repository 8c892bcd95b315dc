//! Tasks, for those who do the work.

pub(crate) mod claim;
pub(crate) mod complete;
pub(crate) mod fail;
pub(crate) mod heartbeat;
pub(crate) mod release;
pub(crate) mod results;
pub(crate) mod snooze;

use std::time::Duration;

use taskward_api::{HumanDuration, SettledAnswer};
use taskward_core::Limits;
use taskward_store::{Settlement, SettlementOutcome};

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::{params, trace, validate};

const LEASE_DEFAULT: Duration = Duration::from_secs(60);

/// How long a lease lasts.
fn lease_duration(fields: &mut Fields, lease: Option<HumanDuration>, limits: &Limits) -> Duration {
    fields.duration("lease", lease, LEASE_DEFAULT, (validate::DURATION_MIN, limits.lease_max))
}

/// Applies the report on one task.
async fn settle(
    app: &App,
    id: &str,
    lease_token: &str,
    outcome: SettlementOutcome,
) -> Result<axum::Json<SettledAnswer>, ApiError> {
    let id = params::task_id(id)?;
    let lease = validate::lease(lease_token)?;
    let span = trace::settle(app);
    let results = app.engine.settle(vec![Settlement { id, lease, outcome }]).await;
    trace::settled(span, &[id], &results);
    let settled = results?.pop().unwrap_or(Err(taskward_store::SettleError::NotFound))?;
    Ok(axum::Json(SettledAnswer { id: id.0, state: settled.state.into() }))
}
