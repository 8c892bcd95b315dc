//! `taskward checklist run start`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use taskward_config::Config;
use taskward_ops::CheckVerdict;
use taskward_ops::verification::{self, Check, Checklist, StartSettings};

use crate::clock;
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;
use crate::table::table;

/// Which list.
#[derive(Debug, Args)]
pub(crate) struct RunArgs {
    /// The list.
    #[arg(value_enum)]
    name: Name,
    /// How long the service may take to be ready.
    #[arg(long, value_name = "DURATION", value_parser = input::duration, default_value = "30s")]
    wait: Duration,
    /// The log file [default: the configuration's logging.file].
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Name {
    /// After a start: the process runs, health checks answer 200, the log is clean, no alert fires.
    Start,
}

/// Goes through it.
pub(super) async fn run(args: &RunArgs, context: &Context) -> Ended {
    let Name::Start = args.name;
    let configured = || Config::load_logging(&context.sources()).ok().and_then(|logging| logging.file);
    let log = args.file.clone().or_else(configured);
    let settings = StartSettings { log, wait: args.wait, now: clock::now() };
    let list = verification::start(&context.client()?, &settings).await;
    let exit = match list.verdict {
        CheckVerdict::Pass => {
            context.output.result(&list, || text(&list))?;
            return Ok(Exit::Ok);
        }
        CheckVerdict::Fail => Exit::CheckFailed,
        CheckVerdict::Unknown => Exit::Unknown,
    };
    context.output.text(|| text(&list))?;
    let worst = list.checks.iter().find(|check| check.verdict == list.verdict);
    let mut error = CliError::new(exit, "checklist", format!("the checklist {} does not pass", list.name));
    if let Some(Check { claim, evidence, next, .. }) = worst {
        error = error.why(format!("{claim}: {}, {evidence}", said(list.verdict)));
        if let Some(next) = next {
            error = error.next(next);
        }
    }
    Err(error.detail("checklist", &list))
}

fn text(list: &Checklist) -> String {
    let row =
        |check: &Check| vec![said(check.verdict).to_owned(), check.claim.to_owned(), check.evidence.clone()];
    table(&["verdict", "check", "evidence"], list.checks.iter().map(row))
}

const fn said(verdict: CheckVerdict) -> &'static str {
    match verdict {
        CheckVerdict::Pass => "ok",
        CheckVerdict::Unknown => "UNKNOWN",
        CheckVerdict::Fail => "FAIL",
    }
}
