//! Queues.

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod pause;
pub(crate) mod resume;

use taskward_api::{ProblemCode, Queue, QueueDepth, QueueTotals};
use taskward_store::QueueSummary;
use tokio::time::Instant;

use crate::http::App;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::observe;
use crate::http::validate;

/// A queue's summary with its rates.
fn view(app: &App, summary: QueueSummary) -> Queue {
    let rates = app.rates.of(&summary, Instant::now());
    Queue {
        rates,
        paused: summary.paused,
        depth: QueueDepth {
            scheduled: summary.scheduled,
            available: summary.available,
            running: summary.running,
        },
        totals: QueueTotals {
            created: summary.created,
            completed: summary.completed,
            cancelled: summary.cancelled,
            dead: summary.dead,
        },
        oldest_age_seconds: summary.oldest_available.map(|age| age.as_secs_f64()),
        name: summary.name,
    }
}

/// Reads one queue.
async fn find(app: &App, name: &str) -> Result<Queue, ApiError> {
    let queues = app.engine.store().queues().await?;
    let summary = queues.into_iter().find(|queue| queue.name == name);
    summary.map(|summary| view(app, summary)).ok_or_else(|| {
        ApiError::new(
            ProblemCode::NotFound,
            "There is no such queue: it has had no task and was never paused.",
        )
    })
}

/// Pauses or resumes a queue, and answers how it stands.
async fn set_paused(app: &App, name: &str, paused: bool) -> Result<axum::Json<Queue>, ApiError> {
    let mut fields = Fields::default();
    fields.name("queue", name, validate::QUEUE_CHARS_MAX);
    fields.done()?;
    if app.engine.set_paused(name, paused).await? {
        observe::log(|| tracing::info!(queue = name, paused, "a queue was paused or resumed"));
    }
    find(app, name).await.map(axum::Json)
}
