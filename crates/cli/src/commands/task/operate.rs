//! `taskward task cancel|retry ID…`.

use clap::Args;
use serde::Serialize;
use serde_json::Value;
use taskward_client::{Client, Task, TaskState};
use uuid::Uuid;

use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

/// Which tasks, and whether in earnest.
#[derive(Debug, Args)]
pub(crate) struct OperateArgs {
    /// The tasks.
    #[arg(required = true, value_name = "ID", value_parser = input::task_id)]
    ids: Vec<Uuid>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Cancel,
    Retry,
}

impl Verb {
    fn allows(self, state: TaskState) -> bool {
        match self {
            Self::Cancel => !state.is_finished(),
            Self::Retry => state == TaskState::Dead,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Retry => "retry",
        }
    }
}

/// What became of one task.
#[derive(Debug, Serialize)]
struct Operated {
    id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<Box<Task>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Value>,
}

/// Cancels tasks, or brings them back.
pub(super) async fn run(args: &OperateArgs, verb: Verb, context: &Context) -> Ended {
    let client = context.client()?;
    let (mut results, mut errors) = (Vec::new(), Vec::new());
    for id in &args.ids {
        match one(&client, *id, verb, args.dry_run, context).await {
            Ok(task) => {
                context.output.text(|| line(&task, verb, args.dry_run))?;
                results.push(Operated { id: *id, task: Some(Box::new(task)), error: None });
            }
            Err(error) => {
                let document = error.document();
                results.push(Operated { id: *id, task: None, error: document.get("error").cloned() });
                errors.push((*id, error));
            }
        }
    }
    if errors.is_empty() {
        let document = serde_json::json!({"results": results, "dry_run": args.dry_run});
        context.output.result(&document, String::new)?;
        return Ok(Exit::Ok);
    }
    Err(summed_up(&errors, results.len(), context)
        .detail("results", &results)
        .detail("dry_run", args.dry_run))
}

async fn one(
    client: &Client,
    id: Uuid,
    verb: Verb,
    dry_run: bool,
    context: &Context,
) -> Result<Task, CliError> {
    if dry_run {
        let task = client.task(id).await.map_err(|error| context.read_failed(&error))?;
        if verb.allows(task.state) {
            return Ok(task);
        }
        let message = format!("a task that is {} cannot do this", task.state.as_str());
        return Err(CliError::new(Exit::Conflict, "invalid_state", message));
    }
    let operated = match verb {
        Verb::Cancel => client.cancel(id).await,
        Verb::Retry => client.retry(id).await,
    };
    operated.map_err(|error| context.write_failed(&error))
}

fn line(task: &Task, verb: Verb, dry_run: bool) -> String {
    let (id, state) = (task.id, task.state.as_str());
    match (dry_run, verb, task.state) {
        (true, verb, _) => format!("{id}  {state}; {} would be done", verb.name()),
        (false, Verb::Cancel, TaskState::Running) => format!("{id}  running; asked to stop"),
        (false, _, _) => format!("{id}  {state}"),
    }
}

/// One error for all: the single one as it is, several under the code they share, or as a failed command.
fn summed_up(errors: &[(Uuid, CliError)], asked: usize, context: &Context) -> CliError {
    let Some(((id, first), rest)) = errors.split_first() else {
        return CliError::new(Exit::Failed, "internal", "no error to sum up");
    };
    let look = context.command(&format!("task get {id}"));
    if asked == 1 {
        let next = if first.exit() == Exit::NotFound { context.command("task list") } else { look };
        return if first.exit() == Exit::Unreachable { first.clone() } else { first.clone().next(next) };
    }
    let all_failed_alike =
        errors.len() == asked && rest.iter().all(|(_, error)| error.exit() == first.exit());
    let (exit, code) =
        if all_failed_alike { (first.exit(), first.code()) } else { (Exit::Failed, "partly_done") };
    let listed: Vec<_> = errors.iter().map(|(id, error)| format!("{id}: {}", error.message())).collect();
    CliError::new(exit, code, format!("{} of {asked} tasks could not be changed", errors.len()))
        .why(listed.join("; "))
        .state(format!("{} of {asked} tasks were changed", asked - errors.len()))
        .next(look)
}
