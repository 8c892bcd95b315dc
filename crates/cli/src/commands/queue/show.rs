//! Queues, for people.

use std::time::Duration;

use serde_json::json;
use taskward_client::{HumanDuration, ProblemCode, Queue};

use crate::commands::Ended;
use crate::context::Context;
use crate::exit::Exit;
use crate::table::{pairs, table};

/// `taskward queue list`.
pub(super) async fn list(context: &Context) -> Ended {
    let queues = context.client()?.queues().await.map_err(|error| context.read_failed(&error))?;
    let document = json!({"queues": queues});
    context.output.result(&document, || {
        if queues.is_empty() {
            "no queue has had a task yet".to_owned()
        } else {
            table(&HEADER, queues.iter().map(row))
        }
    })?;
    Ok(Exit::Ok)
}

/// `taskward queue get QUEUE`.
pub(super) async fn get(name: &str, context: &Context) -> Ended {
    let queue = context.client()?.queue(name).await.map_err(|error| {
        let failed = context.read_failed(&error);
        let unknown = error.code() == Some(ProblemCode::NotFound);
        if unknown { failed.next(context.command("queue list")) } else { failed }
    })?;
    context.output.result(&queue, || text(&queue))?;
    Ok(Exit::Ok)
}

const HEADER: [&str; 9] =
    ["queue", "paused", "scheduled", "available", "running", "oldest", "completed", "cancelled", "dead"];

fn row(queue: &Queue) -> Vec<String> {
    vec![
        queue.name.clone(),
        if queue.paused { "paused" } else { "-" }.to_owned(),
        queue.depth.scheduled.to_string(),
        queue.depth.available.to_string(),
        queue.depth.running.to_string(),
        oldest(queue),
        queue.totals.completed.to_string(),
        queue.totals.cancelled.to_string(),
        queue.totals.dead.to_string(),
    ]
}

/// How long the first available task waits, to the second.
fn oldest(queue: &Queue) -> String {
    match queue.oldest_age_seconds.map(Duration::try_from_secs_f64) {
        Some(Ok(age)) => HumanDuration(Duration::from_secs(age.as_secs())).to_string(),
        _ => "-".to_owned(),
    }
}

/// A queue in lines.
pub(super) fn text(queue: &Queue) -> String {
    let rates = queue.rates.map(|rates| {
        let (created, completed, dead) =
            (rates.created_per_second, rates.completed_per_second, rates.dead_per_second);
        format!("{created:.1} created/s, {completed:.1} completed/s, {dead:.1} dead/s")
    });
    let (depth, totals) = (&queue.depth, &queue.totals);
    pairs([
        ("queue", queue.name.clone()),
        ("paused", if queue.paused { "yes" } else { "no" }.to_owned()),
        ("scheduled", depth.scheduled.to_string()),
        ("available", depth.available.to_string()),
        ("running", depth.running.to_string()),
        ("oldest", oldest(queue)),
        ("created", totals.created.to_string()),
        ("completed", totals.completed.to_string()),
        ("cancelled", totals.cancelled.to_string()),
        ("dead", totals.dead.to_string()),
        ("rates", rates.unwrap_or_else(|| "not known yet".to_owned())),
    ])
}
