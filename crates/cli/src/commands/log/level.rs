//! `taskward log level show|set`.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::json;
use taskward_client::{LogLevels, SetLogLevel, TargetLevel};
use taskward_core::LogLevel;

use super::options;
use crate::commands::Ended;
use crate::context::Context;
use crate::exit::Exit;
use crate::input;
use crate::table::{pairs, table};

/// What to do with the level.
#[derive(Debug, Subcommand)]
pub(crate) enum LevelCommand {
    /// Print what the service logs now.
    Show,
    /// Log more, or less, for a while. It reverts by itself; the configured level takes it back at once.
    Set(SetArgs),
}

/// Which level, of what, for how long.
#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// ERROR, WARNING, INFO, DEBUG or TRACE, in any case.
    #[arg(value_parser = options::level)]
    level: LogLevel,
    /// Only for this module and those below it, such as taskward_store.
    #[arg(long, value_name = "MODULE")]
    target: Option<String>,
    /// For how long, at most 24h.
    #[arg(long = "for", value_name = "DURATION", default_value = "15m", value_parser = input::positive_duration)]
    lasts: Duration,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs a verb.
pub(super) async fn run(command: LevelCommand, context: &Context) -> Ended {
    let client = context.client()?;
    match command {
        LevelCommand::Show => {
            let levels = client.log_levels().await.map_err(|error| context.read_failed(&error))?;
            context.output.result(&levels, || text(&levels))?;
        }
        LevelCommand::Set(args) if args.dry_run => {
            let levels = client.log_levels().await.map_err(|error| context.read_failed(&error))?;
            let document = json!({
                "dry_run": true, "now": levels, "would_be": args.level, "target": args.target,
                "for": taskward_client::HumanDuration(args.lasts),
            });
            context.output.result(&document, || {
                let what = args.target.as_deref().unwrap_or("everything");
                let lasts = taskward_client::HumanDuration(args.lasts);
                format!("{what} would be logged at {} for {lasts}; now:\n{}", args.level, text(&levels))
            })?;
        }
        LevelCommand::Set(args) => {
            let change = SetLogLevel {
                level: args.level.as_str().to_owned(),
                target: args.target,
                lasts: Some(args.lasts.into()),
            };
            let levels = client.set_log_level(&change).await.map_err(|error| context.write_failed(&error))?;
            context.output.result(&levels, || text(&levels))?;
        }
    }
    Ok(Exit::Ok)
}

fn text(levels: &LogLevels) -> String {
    let level = match (levels.reverts_at, &levels.set_by) {
        (Some(at), Some(by)) => format!("{}, until {at:.0}, set by request {by}", levels.level),
        _ => levels.level.to_string(),
    };
    let everything = pairs([("level", level), ("configured", levels.configured.to_string())]);
    if levels.targets.is_empty() {
        return everything;
    }
    format!(
        "{everything}\n\n{}",
        table(&["target", "level", "until", "set by request"], levels.targets.iter().map(row))
    )
}

fn row(target: &TargetLevel) -> Vec<String> {
    let until = format!("{:.0}", target.reverts_at);
    vec![target.target.clone(), target.level.to_string(), until, target.set_by.clone()]
}
