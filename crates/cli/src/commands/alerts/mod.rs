//! `taskward alerts list|rules|test|silence|unsilence`.

mod list;
mod rules;
mod silence;
mod test;

use std::time::Duration;

use clap::{Args, Subcommand};
use taskward_config::nearest;
use taskward_core::alert;

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;

/// What to do with alerts.
#[derive(Debug, Subcommand)]
pub(crate) enum AlertsCommand {
    /// Print how each rule stands on the running service, and what to do about those that fire.
    List,
    /// Print the rules as Prometheus reads them, from the configuration.
    Rules,
    /// Show each rule numbers that are wrong, nearly wrong and absent, and say what it does.
    #[command(after_help = "Exit codes: 0 every rule does what it should, 3 one does not.")]
    Test(TestArgs),
    /// Tell nobody of a rule for a while. It goes on being watched; a restart of the service ends it.
    Silence(SilenceArgs),
    /// Tell everybody of a rule again.
    Unsilence(UnsilenceArgs),
}

/// Which rules to test.
#[derive(Debug, Args)]
pub(crate) struct TestArgs {
    /// The rule; all of them when it is not named.
    rule: Option<String>,
}

/// What to be silent about.
#[derive(Debug, Args)]
pub(crate) struct SilenceArgs {
    /// The rule.
    rule: String,
    /// For how long, up to 30 days.
    #[arg(long = "for", value_name = "DURATION", value_parser = input::positive_duration)]
    hold: Duration,
    /// Why; others will read it.
    #[arg(long, value_name = "TEXT", value_parser = input::name_500)]
    reason: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// What to be silent about no more.
#[derive(Debug, Args)]
pub(crate) struct UnsilenceArgs {
    /// The rule.
    rule: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Runs a verb.
pub(crate) async fn run(command: AlertsCommand, context: &Context) -> Ended {
    match command {
        AlertsCommand::List => list::run(context).await,
        AlertsCommand::Rules => rules::run(context),
        AlertsCommand::Test(args) => test::run(&args, context),
        AlertsCommand::Silence(args) => silence::begin(&args, context).await,
        AlertsCommand::Unsilence(args) => silence::end(&args, context).await,
    }
}

/// There is no rule of this name.
fn unknown_rule(name: &str) -> CliError {
    let error = CliError::new(Exit::NotFound, "unknown_rule", format!("there is no rule {name}"))
        .why(format!("the rules are {}", alert::NAMES.join(", ")));
    match nearest(name, alert::NAMES) {
        Some(nearest) => error.next(format!("taskward alerts test {nearest}")),
        None => error.next("taskward alerts test"),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use taskward_core::alert::{Thresholds, rules};

    use crate::cli::Cli;

    /// Somebody who was woken pastes it.
    #[test]
    fn every_command_of_every_rule_is_one() {
        for rule in rules(&Thresholds::default()) {
            for command in rule.steps.iter().filter_map(|step| step.command) {
                let parsed = Cli::try_parse_from(command.split_whitespace());
                assert!(parsed.is_ok(), "{}: {command}\n{}", rule.name, parsed.expect_err("refused"));
            }
        }
    }
}
