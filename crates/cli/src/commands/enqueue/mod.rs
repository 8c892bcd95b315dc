//! `taskward enqueue KIND`: one task, or one for each line of an input.

mod batches;
mod lines;
mod many;
mod one;
mod template;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use taskward_client::{Client, Json};

use super::Ended;
use crate::context::Context;
use crate::{input, traces};

/// What to create.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  taskward enqueue send_email --payload '{\"to\":\"a@example.com\"}'
  find /photos -name '*.jpg' | taskward enqueue thumbnail --queue images --lines -

The id of a single task is printed on stdout. With --lines or --ndjson, a line that cannot be used is named \
by its number: found before anything was sent, nothing is created (exit 2); found later, exit 1 says what was \
created. Running the same command again with the --idempotency-key that a failed one prints creates only what \
is missing, for a day.")]
pub(crate) struct EnqueueArgs {
    /// What kind of work it is.
    #[arg(value_parser = input::name_200)]
    kind: String,
    /// The queue to put it in [default: default].
    #[arg(long, value_parser = input::name_100)]
    queue: Option<String>,
    /// The input of the work: JSON, @FILE with JSON, or - for JSON on stdin.
    #[arg(long, value_name = "JSON|@FILE|-", group = "input", allow_hyphen_values = true)]
    payload: Option<String>,
    /// One task for each line of a file, or of stdin (-); the line is the payload, as a string.
    #[arg(long, value_name = "FILE|-", group = "input")]
    lines: Option<PathBuf>,
    /// One task for each line of a file, or of stdin (-); the line is the payload, as JSON.
    #[arg(long, value_name = "FILE|-", group = "input")]
    ndjson: Option<PathBuf>,
    /// Make it available after this long.
    #[arg(long, value_name = "DURATION", value_parser = input::duration, conflicts_with = "run_at")]
    delay: Option<Duration>,
    /// Make it available at this moment, such as 2026-12-31T23:59:00Z.
    #[arg(long, value_name = "TIME", value_parser = input::timestamp)]
    run_at: Option<jiff::Timestamp>,
    /// From 1 (first) to 9 (last) [default: 5].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..=9))]
    priority: Option<i64>,
    /// How long one attempt may run [default: 60s].
    #[arg(long, value_name = "DURATION", value_parser = input::positive_duration)]
    timeout: Option<Duration>,
    /// How many attempts it gets [default: 10].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(i64).range(1..))]
    max_attempts: Option<i64>,
    /// Make it the only unfinished task of its queue, kind and this key.
    #[arg(long, value_name = "KEY", value_parser = input::name_200, conflicts_with_all = ["lines", "ndjson"])]
    unique_key: Option<String>,
    /// What to do when another task has the key [default: return_existing].
    #[arg(long, value_enum, value_name = "HOW", requires = "unique_key")]
    on_conflict: Option<OnConflictArg>,
    /// A label to filter by; can be given up to 20 times.
    #[arg(long = "tag", value_name = "TAG", value_parser = input::name_100)]
    tags: Vec<String>,
    /// A JSON object to keep with it.
    #[arg(long, value_name = "JSON", value_parser = input::json_object)]
    metadata: Option<Json>,
    /// The same key and the same input again, within a day, create nothing again.
    #[arg(long, value_name = "KEY", value_parser = input::idempotency_key)]
    idempotency_key: Option<String>,
    /// Wait until it is finished, for at most this long, and print it; exit 10 when it is not finished then.
    #[arg(long, value_name = "DURATION", value_parser = input::duration, conflicts_with_all = ["lines", "ndjson"])]
    wait: Option<Duration>,
}

/// What happens to a task whose unique key is taken.
#[derive(Debug, Clone, Copy, ValueEnum)]
#[value(rename_all = "snake_case")]
enum OnConflictArg {
    /// The existing task is answered.
    ReturnExisting,
    /// The command fails with exit 7.
    Reject,
}

/// Creates what was asked for.
pub(crate) async fn run(args: EnqueueArgs, context: &Context) -> Ended {
    let template = template::build(&args)?;
    if let Some(path) = &args.lines {
        return many::run(&args, template, path, lines::Form::Text, context).await;
    }
    if let Some(path) = &args.ndjson {
        return many::run(&args, template, path, lines::Form::Json, context).await;
    }
    one::run(&args, template, context).await
}

/// The client in the trace that this command was started in, so that the tasks belong to it.
fn in_trace(client: Client) -> Client {
    match traces::inherited() {
        Some(trace) => client.with_trace(trace),
        None => client,
    }
}
