//! `taskward worker --queue Q… -- COMMAND ARGS…`: runs a command for each task.

mod groups;
mod handler;
mod judge;
mod pipes;
mod program;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use serde::Serialize;
use taskward_client::worker::{Counts, CountsNow, Worker, WorkerOptions};
use taskward_server::telemetry::traces::Traces;

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::{input, logging, signals, traces};
use groups::Groups;
use handler::CommandHandler;

/// Which queues, and what to run.
#[derive(Debug, Args)]
#[command(after_help = "\
COMMAND is run once a task, in a process group of its own. Payload on stdin (JSON; a string payload raw), and \
TASKWARD_TASK_ID, TASKWARD_KIND, TASKWARD_QUEUE, TASKWARD_ATTEMPT in its environment, TRACEPARENT where the task \
belongs to a trace. How it ends:
  exit 0        completed; stdout is the result (JSON if it parses, else a string)
  exit 65       failed, and not to be tried again
  exit 75       given back, no attempt used
  anything else failed; the end of stderr is the message
Over the task's timeout the process group is killed: a failed attempt. SIGTERM and SIGINT drain: running tasks \
finish (--drain-timeout), the rest is given back; a second signal ends at once.

Example:
  taskward worker --queue images --concurrency 4 -- sh -c 'read -r f; sha256sum \"$f\"'")]
pub(crate) struct WorkerArgs {
    /// A queue to serve; several are served in strict order.
    #[arg(long = "queue", required = true, value_name = "QUEUE", value_parser = input::name_100)]
    queues: Vec<String>,
    /// A kind to take; all of them by default.
    #[arg(long = "kind", value_name = "KIND", value_parser = input::name_200)]
    kinds: Vec<String>,
    /// How many tasks to run at once [default: worker.concurrency of the configuration, 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    concurrency: Option<u32>,
    /// How long a lease lasts; a lost worker's tasks come back after this long [default: worker.lease, 60s].
    #[arg(long, value_name = "DURATION", value_parser = lease)]
    lease: Option<Duration>,
    /// The worker's name, unique [default: host, process and a random part].
    #[arg(long, value_name = "ID", value_parser = input::name_200)]
    worker_id: Option<String>,
    /// How long running tasks may go on after SIGTERM or SIGINT [default: worker.drain_timeout, 30s].
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    drain_timeout: Option<Duration>,
    /// End once the queues hold no unfinished task, with a line of counts.
    #[arg(long)]
    until_empty: bool,
    /// The command, and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<std::ffi::OsString>,
}

/// What the worker did.
#[derive(Debug, Serialize)]
struct Summary {
    worker_id: String,
    #[serde(flatten)]
    counts: CountsNow,
    seconds: f64,
}

/// A lease is long enough for heartbeats.
fn lease(text: &str) -> Result<Duration, String> {
    match input::duration(text)? {
        lease if lease < Duration::from_secs(1) => Err("a lease lasts at least 1s".to_owned()),
        lease => Ok(lease),
    }
}

/// Works until it is told to stop, or until the queues are empty.
pub(crate) async fn run(args: WorkerArgs, context: &Context) -> Ended {
    let program = program::find(&args.command)?;
    let mut options = options(&args, &context.worker_config()?);
    let traces = start_traces(context, &options.worker_id)?;
    options.tracer = traces.as_ref().map(|traces| Arc::new(traces.boxed_tracer()));
    let client = context.client()?;
    client.check_key().await.map_err(|error| context.read_failed(&error))?;

    let progress = Progress::message();
    logging::to_stderr(&progress);
    let groups = Groups::default();
    let shutdown = {
        let groups = groups.clone();
        signals::listen(move || groups.kill_all())?
    };
    let worker_id = options.worker_id.clone();
    let worker = Worker::new(&client, options, CommandHandler::new(program, groups));
    let shown = show(progress.clone(), worker.counts());
    let began = Instant::now();
    let ended = worker.run(shutdown.requested.clone()).await;
    shown.abort();
    if let Some(traces) = traces {
        traces.end().await;
    }
    progress.end();
    let counts = ended.map_err(|error| {
        context.write_failed(&error).state("the worker's tasks were settled or given back")
    })?;
    finish(Summary { worker_id, counts, seconds: began.elapsed().as_secs_f64() }, context)
}

/// Spans of the attempts, if the configuration says where to send them.
fn start_traces(context: &Context, worker_id: &str) -> Result<Option<Traces>, CliError> {
    let who = [
        ("service.name", "taskward-worker"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", worker_id),
    ];
    let who = who.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    traces::start(&context.tracing_config()?, who).map_err(|refused| CliError::from_traces(&refused))
}

/// The flags, and the configuration where they say nothing.
fn options(args: &WorkerArgs, config: &taskward_config::Worker) -> WorkerOptions {
    let concurrency = args.concurrency.and_then(|concurrency| usize::try_from(concurrency).ok());
    WorkerOptions {
        worker_id: args.worker_id.clone().unwrap_or_else(worker_id),
        queues: args.queues.clone(),
        kinds: args.kinds.clone(),
        concurrency: concurrency.unwrap_or(config.concurrency),
        lease: args.lease.unwrap_or(config.lease),
        wait: config.wait,
        drain_timeout: args.drain_timeout.unwrap_or(config.drain_timeout),
        until_empty: args.until_empty,
        ..WorkerOptions::default()
    }
}

/// A name that no other worker has, and that says where to look for this one.
fn worker_id() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().chars().take(100).collect::<String>();
    format!("{host}-{}-{:06x}", std::process::id(), fastrand::u32(..0x0100_0000))
}

/// Shows the counts while the worker runs, where somebody sees them.
fn show(progress: Progress, counts: Arc<Counts>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let began = Instant::now();
        while !progress.is_hidden() {
            progress.say(line(&counts.now(), began.elapsed()));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
}

fn line(counts: &CountsNow, elapsed: Duration) -> String {
    let settled =
        counts.completed + counts.failed + counts.snoozed + counts.released + counts.cancelled + counts.lost;
    let running = counts.claimed.saturating_sub(settled + counts.undelivered);
    let rate =
        f64::from(u32::try_from(counts.completed).unwrap_or(u32::MAX)) / elapsed.as_secs_f64().max(0.001);
    format!("{running} running, {} completed, {} failed, {rate:.1}/s", counts.completed, counts.failed)
}

fn finish(summary: Summary, context: &Context) -> Ended {
    let counts = &summary.counts;
    let text = || {
        let mut text =
            format!("{} completed, {} failed, {} released", counts.completed, counts.failed, counts.released);
        for (count, name) in [
            (counts.snoozed, "snoozed"),
            (counts.cancelled, "cancelled"),
            (counts.lost, "lost"),
            (counts.undelivered, "undelivered"),
        ] {
            if count > 0 {
                text.push_str(&format!(", {count} {name}"));
            }
        }
        format!("{text} in {:.1}s", summary.seconds)
    };
    if counts.undelivered == 0 {
        context.output.result(&summary, text)?;
        return Ok(Exit::Ok);
    }
    context.output.text(text)?;
    let message = format!("{} results could not be delivered", counts.undelivered);
    Err(CliError::new(Exit::Failed, "undelivered", message)
        .why("the service did not take them before the worker ended")
        .state("their tasks run again once their leases are over")
        .next(context.command("health ready --wait 30s"))
        .detail("summary", &summary))
}
