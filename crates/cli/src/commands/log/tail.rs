//! `taskward log tail`.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use taskward_ops::logs::{self, Follower, Tail};

use super::options::{Which, ended, failed, line, no_data};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// How often it is looked for new entries.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How many entries, and whether to go on.
#[derive(Debug, Args)]
pub(crate) struct TailArgs {
    /// How many of the latest entries.
    #[arg(short = 'n', long, default_value = "100", value_name = "N", value_parser = clap::value_parser!(u16).range(0..=10_000))]
    lines: u16,
    /// Go on with entries as they are written, over rotations, until interrupted.
    #[arg(short, long)]
    follow: bool,
    #[command(flatten)]
    which: Which,
}

/// Prints the latest entries.
pub(super) async fn run(args: &TailArgs, context: &Context) -> Ended {
    if args.follow && !context.output.is_text() {
        return Err(CliError::usage("usage", "--follow has no end, and a document has one")
            .next("taskward log tail --follow"));
    }
    let path = args.which.path(context)?;
    let Tail { entries, is_empty, damages, follower } =
        logs::tail(&path, args.lines.into(), &args.which.filter(), args.follow)
            .map_err(|error| failed(&error))?;
    if is_empty && !args.follow {
        return Err(no_data(&path));
    }
    let document = json!({"file": path, "entries": entries, "damages": damages});
    context.output.result(&document, || entries.iter().map(line).collect::<Vec<_>>().join("\n"))?;
    if args.follow {
        follow(follower, context).await?;
    } else if entries.is_empty() {
        context.output.note("no entry is like that");
    }
    Ok(ended(&damages, context))
}

/// Prints what comes, until somebody has enough of it.
async fn follow(mut follower: Follower, context: &Context) -> Result<Exit, CliError> {
    loop {
        let news = follower.news().map_err(|error| failed(&error))?;
        if news.is_empty() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        for entry in news {
            context.output.line(&line(&entry))?;
        }
    }
}
