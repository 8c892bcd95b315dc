//! `taskward task list`.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde_json::json;
use taskward_client::{Client, ListTasks, Task, TaskListAnswer, TaskState};

use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;
use crate::table::table;

/// Which tasks.
#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only tasks of this queue.
    #[arg(long, value_parser = input::name_100)]
    queue: Option<String>,
    /// Only tasks in this state.
    #[arg(long, value_enum)]
    state: Option<StateArg>,
    /// Only tasks of this kind.
    #[arg(long, value_parser = input::name_200)]
    kind: Option<String>,
    /// Only tasks with this tag.
    #[arg(long, value_parser = input::name_100)]
    tag: Option<String>,
    /// At most this many; with --all, for each request.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,
    /// Go on where an earlier page ended.
    #[arg(long)]
    cursor: Option<String>,
    /// All pages, not only the first.
    #[arg(long)]
    all: bool,
}

/// The states by name.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum StateArg {
    Scheduled,
    Available,
    Running,
    Completed,
    Cancelled,
    Dead,
}

impl From<StateArg> for TaskState {
    fn from(state: StateArg) -> Self {
        match state {
            StateArg::Scheduled => Self::Scheduled,
            StateArg::Available => Self::Available,
            StateArg::Running => Self::Running,
            StateArg::Completed => Self::Completed,
            StateArg::Cancelled => Self::Cancelled,
            StateArg::Dead => Self::Dead,
        }
    }
}

/// Lists tasks.
pub(super) async fn run(args: ListArgs, context: &Context) -> Ended {
    let client = context.client()?;
    let mut list = ListTasks {
        queue: args.queue,
        state: args.state.map(Into::into),
        kind: args.kind,
        tag: args.tag,
        limit: args.limit,
        cursor: args.cursor,
    };
    if !args.all {
        let page = client.tasks(&list).await.map_err(|error| context.read_failed(&error))?;
        context.output.result(&page, || page_text(&page, context))?;
        return Ok(Exit::Ok);
    }
    list.limit = list.limit.or(Some(1000));
    if context.output.is_text() {
        all_text(&client, list, context).await
    } else {
        all_json(&client, list, context).await
    }
}

fn page_text(page: &TaskListAnswer, context: &Context) -> String {
    let mut text = rows(&page.tasks);
    if let Some(cursor) = &page.next_cursor {
        let next = context.command(&format!("task list --cursor {}", input::shell_quoted(cursor)));
        text.push_str(&format!("\nthere are more: --all, or with the same filters: {next}"));
    }
    text
}

fn rows(tasks: &[Task]) -> String {
    if tasks.is_empty() {
        return "no tasks".to_owned();
    }
    table(&["id", "queue", "kind", "state", "attempt", "created", "worker"], tasks.iter().map(row))
}

fn row(task: &Task) -> Vec<String> {
    vec![
        task.id.to_string(),
        task.queue.clone(),
        task.kind.clone(),
        task.state.as_str().to_owned(),
        format!("{}/{}", task.attempt, task.max_attempts),
        format!("{:.0}", task.created_at),
        task.worker_id.clone().unwrap_or_else(|| "-".to_owned()),
    ]
}

/// Page after page, so that any number of tasks fits into memory.
async fn all_text(client: &Client, mut list: ListTasks, context: &Context) -> Ended {
    let mut first = true;
    loop {
        let page = client.tasks(&list).await.map_err(|error| context.read_failed(&error))?;
        if first || !page.tasks.is_empty() {
            let text = rows(&page.tasks);
            let text = if first { text.as_str() } else { text.split_once('\n').map_or("", |(_, rows)| rows) };
            context.output.line(text)?;
            first = false;
        }
        match page.next_cursor {
            Some(cursor) => list.cursor = Some(cursor),
            None => return Ok(Exit::Ok),
        }
    }
}

/// One document, written as it comes; should a page fail, the document says so and is still whole.
async fn all_json(client: &Client, mut list: ListTasks, context: &Context) -> Ended {
    let mut separator = "{\"tasks\":[";
    loop {
        let page = match client.tasks(&list).await {
            Ok(page) => page,
            Err(error) => return cut_short(separator, &context.read_failed(&error), context),
        };
        for task in &page.tasks {
            let text = serde_json::to_string(task).unwrap_or_default();
            context.output.raw(|out| write!(out, "{separator}\n{text}"))?;
            separator = ",";
        }
        match page.next_cursor {
            Some(cursor) => list.cursor = Some(cursor),
            None => {
                let open = if separator == "," { "" } else { separator };
                context.output.raw(|out| writeln!(out, "{open}\n],\"next_cursor\":null}}"))?;
                return Ok(Exit::Ok);
            }
        }
    }
}

/// Closes the document with the error in it, unless nothing was written yet.
fn cut_short(separator: &str, error: &CliError, context: &Context) -> Ended {
    if separator != "," {
        return Err(error.clone());
    }
    let document = error.document();
    let described = document.get("error").cloned().unwrap_or(json!(null));
    context.output.raw(|out| writeln!(out, "\n],\"error\":{described}}}"))?;
    Ok(error.exit())
}
