//! One task.

use std::time::Duration;

use taskward_client::{Client, CreateTask, ProblemCode, Task, TaskState};

use super::{EnqueueArgs, in_trace};
use crate::commands::Ended;
use crate::commands::task::{not_finished, show, wait_until_finished};
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

pub(super) async fn run(args: &EnqueueArgs, template: CreateTask, context: &Context) -> Ended {
    let payload = args.payload.as_deref().map(input::payload).transpose()?;
    let client = in_trace(context.client()?);
    let task = CreateTask { payload, ..template };
    let created = client.enqueue(&task, args.idempotency_key.as_deref()).await.map_err(|error| {
        let failed = context.write_failed(&error);
        let conflict = error.code() == Some(ProblemCode::UniqueConflict);
        if conflict { failed.next(context.command(&similar(&task))) } else { failed }
    })?;
    match args.wait {
        None => {
            context.output.result(&created, || created.id.to_string())?;
            Ok(Exit::Ok)
        }
        Some(wait) => finish(&client, &created, wait, context).await,
    }
}

/// The command that shows whom a task is in conflict with.
fn similar(task: &CreateTask) -> String {
    let queue = task.queue.as_deref().unwrap_or("default");
    format!("task list --queue {} --kind {}", input::shell_quoted(queue), input::shell_quoted(&task.kind))
}

async fn finish(client: &Client, created: &Task, wait: Duration, context: &Context) -> Ended {
    let id = created.id;
    let task = wait_until_finished(client, id, wait).await.map_err(|error| {
        context
            .read_failed(&error)
            .state(format!("the task was created: {id}"))
            .next(context.command(&format!("task get {id}")))
            .detail("created", created)
    })?;
    if task.state == TaskState::Completed {
        context.output.result(&task, || show::text(&task))?;
        return Ok(Exit::Ok);
    }
    context.output.text(|| show::text(&task))?;
    if !task.state.is_finished() {
        return Err(not_finished(&task, wait, context).state("the task was created, and goes on"));
    }
    let error = CliError::new(Exit::Failed, "not_completed", format!("the task is {}", task.state.as_str()))
        .state(format!("the task was created, and is {}", task.state.as_str()))
        .detail("task", &task);
    let retry = task.state == TaskState::Dead;
    Err(if retry { error.next(context.command(&format!("task retry {id}"))) } else { error })
}
