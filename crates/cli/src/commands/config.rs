//! `taskward config check|show|explain`.

use clap::{Args, Subcommand};
use taskward_ops::config::{self, CheckStatus};

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// What to do with the configuration.
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Say everything that is wrong with the configuration, each with its fix.
    #[command(
        after_help = "Exit codes: 0 the service would start with it, 3 it would refuse it, 4 a file cannot be read."
    )]
    Check,
    /// Print every value; secrets are redacted.
    Show(ShowArgs),
    /// Print what a key means: its type, default and variables, and whether a reload applies it.
    Explain(ExplainArgs),
}

/// How to show.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// Print where each value came from: layer, file and line, or variable.
    #[arg(long)]
    origin: bool,
}

/// What to explain.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The key, such as server.port, or one of its variables.
    key: String,
}

/// Runs a verb.
pub(crate) fn run(command: &ConfigCommand, context: &Context) -> Ended {
    match command {
        ConfigCommand::Check => check(context),
        ConfigCommand::Show(args) => {
            let shown = config::show(&context.config()?, args.origin);
            context.output.result(&shown, || shown.to_string())?;
            Ok(Exit::Ok)
        }
        ConfigCommand::Explain(args) => explain(&args.key, context),
    }
}

fn check(context: &Context) -> Ended {
    let report = config::check(&context.sources());
    let (exit, message) = match report.status {
        CheckStatus::Ok => {
            context.output.result(&report, || report.to_string())?;
            return Ok(Exit::Ok);
        }
        CheckStatus::Fail => (Exit::CheckFailed, "the service would refuse this configuration"),
        CheckStatus::Unknown => (Exit::Unknown, "what the service would do is not known"),
    };
    context.output.text(|| report.to_string())?;
    let next = report.problems.iter().next().map(|problem| problem.fix.clone()).unwrap_or_default();
    Err(CliError::new(exit, "config_check", message).next(next).detail("report", &report))
}

fn explain(key: &str, context: &Context) -> Ended {
    match config::explain(key) {
        Ok(explanation) => {
            context.output.result(&explanation, || explanation.to_string())?;
            Ok(Exit::Ok)
        }
        Err(unknown) => {
            let next = match unknown.nearest {
                Some(nearest) => format!("taskward config explain {nearest}"),
                None => "taskward config show".to_owned(),
            };
            Err(CliError::usage("unknown_key", unknown.to_string()).next(next))
        }
    }
}
