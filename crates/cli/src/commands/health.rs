//! `taskward health live|ready [--wait D]`.

use std::time::Duration;

use clap::{Args, Subcommand};
use taskward_client::ProbeKind;
use taskward_ops::service::{self, HealthReport, Verdict};

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

/// What to ask.
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Exit codes: 0 yes, 3 the service says no, 4 something answers that is not the service, \
8 nothing answers."
)]
pub(crate) enum HealthCommand {
    /// Ask whether the process answers.
    Live(HealthArgs),
    /// Ask whether the service can do its work.
    Ready(HealthArgs),
}

/// For how long to ask.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    /// Ask again until the answer is yes, for at most this long.
    #[arg(long, value_name = "DURATION", value_parser = input::duration)]
    wait: Option<Duration>,
}

/// Asks.
pub(crate) async fn run(command: HealthCommand, context: &Context) -> Ended {
    let (kind, args) = match command {
        HealthCommand::Live(args) => (ProbeKind::Live, args),
        HealthCommand::Ready(args) => (ProbeKind::Ready, args),
    };
    let report = service::ask(&context.client()?, kind, args.wait).await;
    let (exit, code) = match report.verdict {
        Verdict::Pass => {
            context.output.result(&report, || text(&report))?;
            return Ok(Exit::Ok);
        }
        Verdict::Fail => (Exit::CheckFailed, "unhealthy"),
        Verdict::Unknown => (Exit::Unknown, "not_understood"),
        Verdict::Unreachable => (Exit::Unreachable, "unreachable"),
    };
    context.output.text(|| text(&report))?;
    let mut error = CliError::new(exit, code, format!("the service is not {}", report.probe));
    if let Some(message) = &report.message {
        error = error.why(message);
    }
    let again = context.command(&format!("health {} --wait 30s", report.probe));
    Err(error.next(again).detail("report", &report))
}

fn text(report: &HealthReport) -> String {
    let mut lines = vec![report.to_string()];
    for check in report.health.iter().flat_map(|health| &health.checks) {
        let status = format!("{:?}", check.status).to_lowercase();
        let message = check.message.as_deref().unwrap_or_default();
        lines.push(format!("  {status:<8} {:<10} {message}", check.name).trim_end().to_owned());
    }
    lines.join("\n")
}
