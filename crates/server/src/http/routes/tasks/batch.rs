use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use taskward_api::{
    AtomicBatch, BatchAnswer, BatchItemAnswer, BatchRequest, CreateTask, FieldError, ItemError, Problem,
    ProblemCode,
};
use taskward_core::{IdempotencyKey, NewTask};
use taskward_store::{EnqueueError, Enqueued, Origin};

use super::idempotency;
use crate::http::App;
use crate::http::body::{self, BodyType, RawBody, parse};
use crate::http::error::ApiError;
use crate::http::{trace, validate};

type Item = Result<NewTask, ItemError>;

/// Creates many tasks, each standing alone unless `atomic`.
///
/// Also takes NDJSON (`Content-Type: application/x-ndjson`): a task a line, empty lines ignored.
#[utoipa::path(post, path = "/api/v1/tasks/batch", operation_id = "create_tasks", tag = "tasks",
    request_body(content(
        (AtomicBatch = "application/json"),
        (String = "application/x-ndjson"),
    )),
    params(
        ("Idempotency-Key" = Option<String>, Header,
            description = "The same key and body within 24 hours answers the same tasks."),
        ("traceparent" = Option<String>, Header, description = "The W3C trace that the tasks belong to."),
    ),
    responses(
        (status = 200, description = "A result for each task, in their order.", body = BatchAnswer),
        (status = 409, description = "`unique_conflict`, of an atomic batch", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn batch(
    State(app): State<Arc<App>>,
    request: Request,
) -> Result<Json<BatchAnswer>, ApiError> {
    let raw = body::read(request, &app, app.settings.limits.batch_bytes_max, true).await?;
    let key = idempotency::from_headers(&raw.headers, &raw.bytes)?;
    if let Some(key) = &key {
        refuse_reused(&app, key).await?;
    }
    let (items, atomic) = read_items(&app, &raw, key.as_ref())?;
    let results = if atomic { create_all(&app, items).await? } else { create_each(&app, items).await? };
    Ok(Json(BatchAnswer { results }))
}

/// Another body under the same key is a mistake about the whole request, not about its items.
async fn refuse_reused(app: &App, key: &IdempotencyKey) -> Result<(), ApiError> {
    app.engine.writable()?;
    let first = idempotency::for_item(key, 0);
    match app.engine.store().find_idempotent(&first.key).await? {
        Some(hit) if hit.fingerprint != key.fingerprint => Err(EnqueueError::IdempotencyKeyReused.into()),
        _ => Ok(()),
    }
}

/// The request's tasks, the bad ones as what is wrong with them.
fn read_items(app: &App, raw: &RawBody, key: Option<&IdempotencyKey>) -> Result<(Vec<Item>, bool), ApiError> {
    let mut valid = 0;
    let mut read = |text: &[u8]| -> Item {
        // Keys number the tasks that can be created, so that the first one's stands for the request.
        let key = key.map(|key| idempotency::for_item(key, valid));
        let task =
            parse::<CreateTask>(text).and_then(|task| validate::new_task(task, key, &app.settings.limits))?;
        valid += 1;
        Ok(task)
    };
    match raw.body_type {
        BodyType::Json => {
            let batch: BatchRequest = parse(&raw.bytes)?;
            check_count(app, batch.tasks.len())?;
            Ok((batch.tasks.iter().map(|task| read(task.get().as_bytes())).collect(), batch.atomic))
        }
        BodyType::Ndjson => {
            let lines =
                || raw.bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
            check_count(app, lines().count())?;
            Ok((lines().map(read).collect(), false))
        }
    }
}

fn check_count(app: &App, count: usize) -> Result<(), ApiError> {
    let max = app.settings.limits.batch_tasks_max;
    if count == 0 || count > max {
        return Err(ApiError::field("tasks", format!("must have 1 to {max} entries, has {count}")));
    }
    Ok(())
}

async fn create_each(app: &App, items: Vec<Item>) -> Result<Vec<BatchItemAnswer>, ApiError> {
    let mut answers = Vec::with_capacity(items.len());
    let mut tasks = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Ok(task) => {
                tasks.push(task);
                answers.push(None);
            }
            Err(error) => answers.push(Some(refused(error))),
        }
    }
    let mut results = Vec::new();
    if !tasks.is_empty() {
        let span = trace::send(app, &mut tasks);
        let created = app.engine.enqueue(tasks).await;
        trace::sent(span, &created);
        results = created?;
    }
    let mut results = results.into_iter();
    let next = |answer: Option<BatchItemAnswer>| {
        answer.or_else(|| results.next().map(answer_of)).unwrap_or_default()
    };
    Ok(answers.into_iter().map(next).collect())
}

async fn create_all(app: &App, items: Vec<Item>) -> Result<Vec<BatchItemAnswer>, ApiError> {
    let mut tasks = Vec::with_capacity(items.len());
    for (index, item) in items.into_iter().enumerate() {
        tasks.push(item.map_err(|error| in_batch(index, error))?);
    }
    let span = trace::send(app, &mut tasks);
    let results = app.engine.enqueue_atomic(tasks).await;
    trace::sent(span, &results);
    let results = results?;
    let refused = results.iter().enumerate().find_map(|(index, result)| match result {
        Err(error) if *error != EnqueueError::Aborted => Some((index, *error)),
        _ => None,
    });
    if let Some((index, error)) = refused {
        return Err(in_batch(index, ApiError::from(error).into()));
    }
    Ok(results.into_iter().map(answer_of).collect())
}

/// The problem of an atomic batch that was refused because of one item.
fn in_batch(index: usize, error: ItemError) -> ApiError {
    let place = format!("tasks[{index}]");
    let errors = match error.code {
        ProblemCode::ValidationFailed => {
            error.errors.into_iter().map(|e| FieldError::new(join(&place, &e.field), e.message)).collect()
        }
        _ => vec![FieldError::new(place.clone(), error.detail.clone())],
    };
    let detail = format!("Nothing was created: {place}: {}", error.detail);
    Problem { errors, ..Problem::new(error.code, detail) }.into()
}

fn join(place: &str, field: &str) -> String {
    if field.is_empty() { place.to_owned() } else { format!("{place}.{field}") }
}

fn answer_of(result: Result<Enqueued, EnqueueError>) -> BatchItemAnswer {
    match result {
        Ok(enqueued) => BatchItemAnswer {
            id: Some(enqueued.task.id.0),
            duplicate: enqueued.origin == Origin::Duplicate,
            error: None,
        },
        Err(error) => refused(ApiError::from(error).into()),
    }
}

fn refused(error: ItemError) -> BatchItemAnswer {
    BatchItemAnswer { error: Some(error), ..BatchItemAnswer::default() }
}
