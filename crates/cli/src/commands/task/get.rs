//! `taskward task get ID [--wait D]`.

use std::time::{Duration, Instant};

use clap::Args;
use taskward_client::{Client, ClientError, HumanDuration, ProblemCode, Task};
use uuid::Uuid;

use super::show;
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

/// Which task.
#[derive(Debug, Args)]
pub(crate) struct GetArgs {
    /// The task.
    #[arg(value_parser = input::task_id)]
    id: Uuid,
    /// Wait until it is finished, for at most this long; exit 10 when it is not finished then.
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    wait: Option<Duration>,
}

/// The service waits no longer than a minute; a connection that is quiet for half of that is safer.
const ONE_WAIT: Duration = Duration::from_secs(30);

/// Prints a task.
pub(super) async fn run(args: &GetArgs, context: &Context) -> Ended {
    let client = context.client()?;
    let found = match args.wait {
        None => client.task(args.id).await,
        Some(wait) => wait_until_finished(&client, args.id, wait).await,
    };
    let task = found.map_err(|error| {
        let failed = context.read_failed(&error);
        let unknown = error.code() == Some(ProblemCode::NotFound);
        if unknown { failed.next(context.command("task list")) } else { failed }
    })?;
    if let Some(wait) = args.wait
        && !task.state.is_finished()
    {
        context.output.text(|| show::text(&task))?;
        return Err(not_finished(&task, wait, context));
    }
    context.output.result(&task, || show::text(&task))?;
    Ok(Exit::Ok)
}

/// A task, when it is finished or when the time is over.
pub(crate) async fn wait_until_finished(
    client: &Client,
    id: Uuid,
    wait: Duration,
) -> Result<Task, ClientError> {
    let began = Instant::now();
    loop {
        let left = wait.saturating_sub(began.elapsed());
        let task = client.wait_for_task(id, left.min(ONE_WAIT)).await?;
        if task.state.is_finished() || left <= ONE_WAIT {
            return Ok(task);
        }
    }
}

/// The time is over, and the task is not.
pub(crate) fn not_finished(task: &Task, wait: Duration, context: &Context) -> CliError {
    let message = format!("the task is {} after {}", task.state.as_str(), HumanDuration(wait));
    CliError::new(Exit::ObjectiveMissed, "not_finished", message)
        .state("the task goes on")
        .next(context.command(&format!("task get {} --wait {}", task.id, HumanDuration(wait))))
        .detail("task", task)
}
