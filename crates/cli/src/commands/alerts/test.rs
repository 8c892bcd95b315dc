//! `taskward alerts test [RULE]`.

use taskward_core::alert;
use taskward_ops::monitoring::{self, Replay, ReplayReport};

use super::{TestArgs, unknown_rule};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

/// Replays the scenarios.
pub(super) fn run(args: &TestArgs, context: &Context) -> Ended {
    let rules = alert::rules(&context.alerts_config()?.thresholds());
    let report =
        monitoring::replay(&rules, args.rule.as_deref()).map_err(|unknown| unknown_rule(&unknown.name))?;
    if report.passed {
        context.output.result(&report, || text(&report))?;
        return Ok(Exit::Ok);
    }
    context.output.text(|| text(&report))?;
    let failed = report.replays.iter().filter(|replay| !replay.passed).count();
    let message = format!("{failed} of {} scenarios ended differently", report.replays.len());
    Err(CliError::new(Exit::CheckFailed, "alerts_test", message)
        .why("these thresholds make rules that cannot work")
        .next("taskward config show --origin")
        .detail("report", &report))
}

fn text(report: &ReplayReport) -> String {
    table(&["rule", "scenario", "expected", "seen", "verdict"], report.replays.iter().map(row))
}

fn row(replay: &Replay) -> Vec<String> {
    vec![
        replay.rule.to_owned(),
        replay.scenario.to_string(),
        replay.expected.clone(),
        replay.seen.clone(),
        if replay.passed { "pass" } else { "FAIL" }.to_owned(),
    ]
}
