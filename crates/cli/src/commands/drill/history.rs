//! `taskward drill history`.

use serde_json::json;
use taskward_ops::backup::{self, DrillRecord};

use crate::commands::Ended;
use crate::commands::backup::settings;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

/// Prints how drills went.
pub(super) fn run(context: &Context) -> Ended {
    let settings = settings(context)?;
    let drills = backup::history(&settings).map_err(|error| CliError::from_backup(&error))?;
    context.output.result(&json!({"drills": drills}), || {
        if drills.is_empty() {
            return format!("no backup in {} was ever tried", settings.dir.display());
        }
        table(&["at", "backup", "verdict", "how"], drills.iter().map(row))
    })?;
    Ok(Exit::Ok)
}

fn row(drill: &DrillRecord) -> Vec<String> {
    let verdict = match (&drill.error, drill.passed) {
        (Some(_), _) => "FAIL",
        (None, true) => "pass",
        (None, false) => "MISSED",
    };
    vec![format!("{:.0}", drill.at), drill.backup.clone(), verdict.to_owned(), drill.summary()]
}
