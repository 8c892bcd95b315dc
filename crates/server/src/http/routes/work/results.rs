use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use taskward_api::{
    ItemError, Json as RawJson, ResultAnswer, ResultItem, ResultOutcome, ResultsAnswer, ResultsRequest,
};
use taskward_core::{Limits, TaskId};
use taskward_store::{SettleError, Settled, Settlement, SettlementOutcome};
use uuid::Uuid;

use crate::http::App;
use crate::http::body::{self, parse};
use crate::http::error::ApiError;
use crate::http::fields::Fields;
use crate::http::{trace, validate};

/// Reports on several tasks; each report stands alone.
#[utoipa::path(post, path = "/api/v1/results", operation_id = "report_results", tag = "work", request_body = ResultsRequest, responses(
    (status = 200, description = "An answer for each report, in their order.", body = ResultsAnswer),
))]
pub(crate) async fn results(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<ResultsAnswer>, ApiError> {
    let limits = &app.settings.limits;
    let raw = body::read(request, &app, limits.batch_bytes_max, false).await?;
    let request: ResultsRequest = parse(&raw.bytes)?;
    let (count, max) = (request.results.len(), limits.batch_tasks_max);
    if count == 0 || count > max {
        return Err(ApiError::field("results", format!("must have 1 to {max} entries, has {count}")));
    }
    let mut answers = Vec::with_capacity(count);
    let mut reports = Vec::with_capacity(count);
    for item in &request.results {
        match report(item, limits) {
            Ok(report) => {
                answers.push(Err(report.id));
                reports.push(report);
            }
            Err((id, error)) => answers.push(Ok(refused(id, error))),
        }
    }
    let mut settled = Vec::new();
    if !reports.is_empty() {
        let ids: Vec<TaskId> = reports.iter().map(|report| report.id).collect();
        let span = trace::settle(&app);
        let results = app.engine.settle(reports).await;
        trace::settled(span, &ids, &results);
        settled = results?;
    }
    let mut settled = settled.into_iter();
    let answer = |early: Result<ResultAnswer, TaskId>| {
        early.unwrap_or_else(|id| answer_of(id, settled.next().unwrap_or(Err(SettleError::NotFound))))
    };
    Ok(Json(ResultsAnswer { results: answers.into_iter().map(answer).collect() }))
}

/// One report as the store takes it, or what is wrong with it.
fn report(item: &RawJson, limits: &Limits) -> Result<Settlement, (Option<Uuid>, ApiError)> {
    let item: ResultItem = parse(item.get().as_bytes()).map_err(|error| (None, error))?;
    let id = item.id;
    settlement(item, limits).map_err(|error| (Some(id), error))
}

fn settlement(item: ResultItem, limits: &Limits) -> Result<Settlement, ApiError> {
    check_fields(&item)?;
    let lease = validate::lease(&item.lease_token)?;
    let outcome = match item.outcome {
        ResultOutcome::Completed => SettlementOutcome::Completed(validate::result(item.result, limits)?),
        ResultOutcome::Failed => SettlementOutcome::Failed(validate::failure(
            item.error.unwrap_or_default(),
            item.retryable,
            item.retry_after,
        )?),
        ResultOutcome::Snoozed => SettlementOutcome::Snoozed(validate::snooze_delay(
            item.delay.unwrap_or(std::time::Duration::ZERO.into()),
        )?),
        ResultOutcome::Released => SettlementOutcome::Released,
    };
    Ok(Settlement { id: TaskId(item.id), lease, outcome })
}

/// Fields that the outcome requires, and fields it has no use for: those are mistakes, not decoration.
fn check_fields(item: &ResultItem) -> Result<(), ApiError> {
    let (completed, failed, snoozed) = (
        item.outcome == ResultOutcome::Completed,
        item.outcome == ResultOutcome::Failed,
        item.outcome == ResultOutcome::Snoozed,
    );
    let mut fields = Fields::default();
    let mut check = |field: &str, given: bool, allowed: bool, required: bool| {
        if required && !given {
            fields.refuse(field, "is required for this outcome");
        } else if given && !allowed {
            fields.refuse(field, "does not belong to this outcome");
        }
    };
    check("result", item.result.is_some(), completed, false);
    check("error", item.error.is_some(), failed, failed);
    check("retryable", item.retryable.is_some(), failed, false);
    check("retry_after", item.retry_after.is_some(), failed, false);
    check("delay", item.delay.is_some(), snoozed, snoozed);
    fields.done()
}

fn answer_of(id: TaskId, result: Result<Settled, SettleError>) -> ResultAnswer {
    match result {
        Ok(settled) => {
            ResultAnswer { id: Some(id.0), status: 200, state: Some(settled.state.into()), error: None }
        }
        Err(error) => refused(Some(id.0), error.into()),
    }
}

fn refused(id: Option<Uuid>, error: ApiError) -> ResultAnswer {
    let error = ItemError::from(error);
    ResultAnswer { id, status: error.code.status(), state: None, error: Some(error) }
}
