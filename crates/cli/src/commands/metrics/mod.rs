//! `taskward metrics show [WHAT] [--window D]`.

mod text;

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use taskward_ops::monitoring::Group;

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

/// What to do with metrics.
#[derive(Debug, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Print how the service did lately: requests, tasks, the system.
    ///
    /// The figures are those of the instance that answers, from samples it takes every 5 seconds. A figure
    /// without samples is "no data", which is never the same as 0.
    Show(ShowArgs),
}

/// Which figures.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 there is data, 4 there is none in a group that was printed: no request \
answered, no attempt or task ended, no look-up made within the window, 8 the service cannot be reached."
)]
pub(crate) struct ShowArgs {
    /// Print only these [default: requests, tasks and system].
    #[arg(value_enum, value_name = "WHAT")]
    what: Option<What>,
    /// How far back, 10s to 1h.
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = input::positive_duration)]
    window: Duration,
}

/// Figures that can be asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum What {
    Requests,
    Tasks,
    System,
    Cache,
}

impl What {
    const fn group(self) -> Group {
        match self {
            Self::Requests => Group::Requests,
            Self::Tasks => Group::Tasks,
            Self::System => Group::System,
            Self::Cache => Group::Cache,
        }
    }
}

/// Runs a verb.
pub(crate) async fn run(command: MetricsCommand, context: &Context) -> Ended {
    match command {
        MetricsCommand::Show(args) => show(&args, context).await,
    }
}

async fn show(args: &ShowArgs, context: &Context) -> Ended {
    let client = context.client()?;
    let summary = client.metrics_summary(args.window).await.map_err(|error| context.read_failed(&error))?;
    let groups = args.what.map_or_else(|| Group::USUAL.to_vec(), |what| vec![what.group()]);
    let without: Vec<&str> =
        groups.iter().filter(|group| !group.has_samples(&summary)).map(|group| group.name()).collect();
    if without.is_empty() {
        context.output.result(&summary, || text::of(&summary, &groups))?;
        return Ok(Exit::Ok);
    }
    context.output.text(|| text::of(&summary, &groups))?;
    let message = format!("no data on {} within the last {}", without.join(" and "), summary.window);
    let longer = context.command("metrics show --window 1h");
    Err(CliError::new(Exit::Unknown, "no_data", message)
        .why("nothing was there to measure, or the service has just started")
        .next(longer)
        .detail("summary", &summary))
}
