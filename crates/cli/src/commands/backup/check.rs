//! `taskward backup check`.

use taskward_ops::CheckVerdict;
use taskward_ops::backup::{self, BackupError, Check, CheckReport};

use super::settings;
use crate::clock;
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

pub(super) const EXITS: &str = "Exit codes: 0 there is, 3 there is not, 4 it is not known.";

const UNKNOWN: &str = "whether the backups can be relied on is not known";

/// Looks at the backups there are.
pub(super) async fn run(context: &Context) -> Ended {
    let report = backup::check(&settings(context)?, clock::now()).await;
    let report = report.map_err(|error| unknown(&error))?;
    let (exit, message) = match report.status {
        CheckVerdict::Pass => {
            context.output.result(&report, || text(&report))?;
            return Ok(Exit::Ok);
        }
        CheckVerdict::Fail => (Exit::CheckFailed, "there is no backup to rely on"),
        CheckVerdict::Unknown => (Exit::Unknown, UNKNOWN),
    };
    context.output.text(|| text(&report))?;
    let next = report.checks.iter().find(|check| check.status == report.status).map_or("", |check| check.fix);
    Err(CliError::new(exit, "backup_check", message).next(next).detail("report", &report))
}

/// What could not be looked at is no pass.
fn unknown(error: &BackupError) -> CliError {
    CliError::new(Exit::Unknown, "backup_check", UNKNOWN)
        .why(error.described())
        .next("taskward config explain backup.dir")
}

fn text(report: &CheckReport) -> String {
    let row = |check: &Check| {
        vec![check.id.to_owned(), check.status.to_string(), check.evidence.clone(), check.fix.to_owned()]
    };
    table(&["check", "status", "evidence", "fix"], report.checks.iter().map(row))
}
