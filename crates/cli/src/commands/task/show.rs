//! A task, for people.

use taskward_client::{Json, Task};

use crate::output::printable;
use crate::table::pairs;

/// How much of a JSON value is shown; `-o json` has all of it.
const JSON_SHOWN: usize = 2_000;

/// A task in lines.
pub(crate) fn text(task: &Task) -> String {
    let mut lines = vec![
        ("id", task.id.to_string()),
        ("kind", task.kind.clone()),
        ("queue", task.queue.clone()),
        ("state", state(task)),
        ("priority", task.priority.to_string()),
        ("attempts", format!("{} of {}{}", task.attempt, task.max_attempts, crashes(task))),
        ("timeout", task.timeout.to_string()),
        ("created", task.created_at.to_string()),
        ("run at", task.run_at.to_string()),
    ];
    let mut optional =
        |name: &'static str, value: Option<String>| lines.extend(value.map(|value| (name, value)));
    optional("started", task.started_at.map(|at| at.to_string()));
    optional("finished", task.finished_at.map(|at| at.to_string()));
    optional("worker", task.worker_id.clone());
    optional("trace", task.traceparent.as_ref().and_then(|parent| parent.get(3..35)).map(ToOwned::to_owned));
    optional("unique", task.unique.as_ref().map(|unique| unique.key.clone()));
    optional("tags", (!task.tags.is_empty()).then(|| task.tags.join(", ")));
    optional("metadata", task.metadata.as_ref().map(json));
    optional("progress", task.progress.as_ref().map(json));
    optional("payload", Some(json(&task.payload)));
    optional("result", task.result.as_ref().map(json));
    let mut text = pairs(lines);
    for error in &task.errors {
        let message = printable(error.message.trim_end()).replace('\n', "\n    ");
        let (kind, at) = (printable(&error.kind), error.at);
        text.push_str(&format!("\nattempt {} failed at {at}: {kind}\n    {message}", error.attempt));
    }
    text
}

fn state(task: &Task) -> String {
    match &task.dead_reason {
        Some(reason) => format!("{} ({reason})", task.state.as_str()),
        None if task.cancel_requested && !task.state.is_finished() => {
            format!("{} (asked to stop)", task.state.as_str())
        }
        None => task.state.as_str().to_owned(),
    }
}

fn crashes(task: &Task) -> String {
    match task.crashes {
        0 => String::new(),
        1 => ", 1 lost worker".to_owned(),
        crashes => format!(", {crashes} lost workers"),
    }
}

fn json(value: &Json) -> String {
    let text = value.get();
    match text.char_indices().nth(JSON_SHOWN) {
        Some((end, _)) => format!("{}… ({} bytes)", &text[..end], text.len()),
        None => text.to_owned(),
    }
}
