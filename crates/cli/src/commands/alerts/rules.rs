//! `taskward alerts rules`.

use taskward_core::alert;
use taskward_ops::monitoring;

use crate::commands::Ended;
use crate::context::Context;
use crate::exit::Exit;

/// Prints the rules file.
pub(super) fn run(context: &Context) -> Ended {
    let config = context.alerts_config()?;
    let file = monitoring::rules_file(&alert::rules(&config.thresholds()), &config.runbook_url);
    context.output.result(&file, || file.to_string())?;
    Ok(Exit::Ok)
}
