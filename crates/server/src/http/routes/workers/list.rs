use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use taskward_api::{Worker, WorkerList};
use taskward_store::WorkerSummary;

use crate::http::App;
use crate::http::error::ApiError;

/// Workers that asked within this are listed even when they hold nothing.
const RECENT: Duration = Duration::from_secs(3600);

/// Lists workers that asked for tasks in the last hour, or hold some.
#[utoipa::path(get, path = "/api/v1/workers", operation_id = "list_workers", tag = "work", responses(
    (status = 200, description = "The workers, by id.", body = WorkerList),
))]
pub(crate) async fn list(State(app): State<Arc<App>>) -> Result<Json<WorkerList>, ApiError> {
    let seen = app.engine.workers.take(&app.settings.instance);
    if !seen.is_empty() {
        app.engine.store().record_workers(seen).await?;
    }
    let workers = app.engine.store().workers(RECENT).await?;
    Ok(Json(WorkerList { workers: workers.into_iter().map(view).collect() }))
}

fn view(summary: WorkerSummary) -> Worker {
    Worker {
        worker_id: summary.worker_id,
        queues: summary.queues,
        instance: summary.instance,
        last_seen_at: summary.last_seen_at,
        running: summary.running.into_iter().map(|id| id.0).collect(),
    }
}
