//! `taskward db check [--timeout D]`.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret;
use taskward_ops::database::{self, CheckStatus};
use taskward_store::CheckOptions;

use super::Ended;
use crate::context::Context;
use crate::database::{describe, must_exist};
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;
use crate::progress::Progress;

/// How to check.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 everything holds, 3 something does not, 4 something could not be looked at \
within the time, 5 the schema is not one this program knows, 6 there is no database, 8 it cannot be reached."
)]
pub(crate) struct CheckArgs {
    /// How long it may take; what was not looked at by then is unknown.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = input::positive_duration)]
    timeout: Duration,
    /// How many places to name for each thing that does not hold; all are counted.
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=1000))]
    examples: u16,
}

/// Checks.
pub(super) async fn run(args: &CheckArgs, context: &Context) -> Ended {
    let config = context.config()?.config;
    must_exist(&config)?;
    let database = describe(&config);
    let progress = Progress::message();
    let shown = progress.clone();
    let options = CheckOptions {
        time_limit: args.timeout,
        connect_timeout: config.database.connect_timeout,
        examples_max: args.examples.into(),
        observe: Arc::new(move |at| {
            shown.say(format!("{} of {}: {}", at.done + 1, at.total, at.invariant.says));
        }),
        ..CheckOptions::default()
    };
    let checked = database::check(config.database.url.expose_secret(), database.clone(), options).await;
    progress.end();
    let report = checked.map_err(|error| CliError::from_store(&error, &database))?;
    let (exit, message, next) = match report.status {
        CheckStatus::Ok => {
            context.output.result(&report, || report.to_string())?;
            return Ok(Exit::Ok);
        }
        CheckStatus::Failed => (
            Exit::CheckFailed,
            "the database holds something that it should not",
            "taskward db check --examples 1000 -o json",
        ),
        CheckStatus::Unknown => {
            (Exit::Unknown, "not everything could be looked at", "taskward db check --timeout 30m")
        }
    };
    context.output.text(|| report.to_string())?;
    Err(CliError::new(exit, "db_check", message).next(next).detail("report", &report))
}
