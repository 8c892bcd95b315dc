//! How the service is.

pub(crate) mod full;
pub(crate) mod live;
pub(crate) mod ready;

use std::time::Duration;

use taskward_api::{CheckStatus, HealthCheck};
use tokio::time::Instant;

use crate::http::App;
use crate::mode::Mode;

/// A database that does not answer within this is not there for a request either.
const DATABASE_PATIENCE: Duration = Duration::from_secs(2);

/// Asks the database for an answer; what is known to be wrong with it is not asked for.
async fn check_database(app: &App) -> HealthCheck {
    if let Some(trouble) = app.engine.mode().trouble() {
        let message =
            Some(format!("{trouble}; the service is read-only until it does, and then back by itself"));
        return HealthCheck {
            name: "database".to_owned(),
            status: CheckStatus::Fail,
            latency_ms: None,
            message,
        };
    }
    ask_database(app).await
}

/// Asks whatever answers reads now.
async fn ask_database(app: &App) -> HealthCheck {
    let started = Instant::now();
    let (status, message) = match tokio::time::timeout(DATABASE_PATIENCE, app.engine.store().ping()).await {
        Ok(Ok(_)) => (CheckStatus::Ok, None),
        // The error's own words may name hosts and users; the log has them.
        Ok(Err(error)) => (CheckStatus::Fail, Some(error.to_string())),
        Err(_) => (CheckStatus::Fail, Some("the database did not answer within 2s".to_owned())),
    };
    let latency_ms = Some(started.elapsed().as_secs_f64() * 1e3);
    HealthCheck { name: "database".to_owned(), status, latency_ms, message }
}

/// Whether this instance should be given requests.
fn accepting(app: &App) -> bool {
    app.engine.mode().current() != Mode::Draining
}
