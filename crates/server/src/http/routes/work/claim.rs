use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use taskward_api::{ClaimAnswer, ClaimRequest, ProblemCode, Task};
use taskward_core::Limits;
use taskward_store::ClaimDemand;

use crate::http::App;
use crate::http::body::JsonBody;
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::{trace, validate};

const WORKER_ID_CHARS_MAX: usize = 200;
const QUEUES_MAX: usize = 50;
const KINDS_MAX: usize = 200;
/// What a task takes in an answer besides its payload, mostly.
const TASK_BYTES: usize = 700;

/// Leases tasks to a worker.
#[utoipa::path(post, path = "/api/v1/claim", operation_id = "claim_tasks", tag = "work", request_body = ClaimRequest, responses(
    (status = 200, description = "The tasks, each with its `lease_token`.", body = ClaimAnswer),
    (status = 204, description = "Nothing came within `wait`."),
))]
pub(crate) async fn claim(
    State(app): State<Arc<App>>,
    JsonBody(request): JsonBody<ClaimRequest>,
) -> Result<Response, ApiError> {
    let (demand, wait) = demand(request, &app.settings.limits)?;
    app.engine.workers.saw(&demand.worker_id, &demand.queues);
    let receiving = trace::receive(&app, &demand.worker_id);
    let tasks = app.engine.claim(demand, wait).await?;
    if tasks.is_empty() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    trace::received(&app, receiving, &tasks);
    let leased = |task: taskward_core::Task| {
        let lease_token = Some(validate::lease_token(task.lease));
        Task { lease_token, ..task.into() }
    };
    answer(&ClaimAnswer { tasks: tasks.into_iter().map(leased).collect() })
}

/// As `axum::Json` does it, into a buffer that fits: an answer with a thousand tasks has a megabyte, which would be
/// allocated and copied a dozen times as it grows.
fn answer(claimed: &ClaimAnswer) -> Result<Response, ApiError> {
    let size = claimed.tasks.iter().map(|task| task.payload.get().len() + TASK_BYTES).sum();
    let mut body = Vec::with_capacity(size);
    serde_json::to_writer(&mut body, claimed)
        .map_err(|_| ApiError::new(ProblemCode::Internal, "The answer could not be written."))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

fn demand(request: ClaimRequest, limits: &Limits) -> Result<(ClaimDemand, Duration), ApiError> {
    let mut fields = Fields::default();
    fields.name("worker_id", &request.worker_id, WORKER_ID_CHARS_MAX);
    fields.names("queues", &request.queues, (1, QUEUES_MAX), validate::QUEUE_CHARS_MAX);
    let kinds = request.kinds.unwrap_or_default();
    fields.names("kinds", &kinds, (0, KINDS_MAX), validate::KIND_CHARS_MAX);
    let max_bound = u32::try_from(limits.claim_tasks_max).unwrap_or(u32::MAX);
    let max = fields.number("max", request.max, 1, (1, max_bound)) as usize;
    let wait = fields.duration("wait", request.wait, Duration::ZERO, (Duration::ZERO, limits.wait_max));
    let lease = super::lease_duration(&mut fields, request.lease, limits);
    fields.done()?;
    Ok((ClaimDemand { worker_id: request.worker_id, queues: request.queues, kinds, max, lease }, wait))
}
