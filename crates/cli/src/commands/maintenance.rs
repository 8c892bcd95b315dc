//! `taskward maintenance on|off|status`.

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use taskward_client::{Client, MaintenanceAnswer, MaintenanceMode, SetMaintenance};

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;
use crate::table::pairs;

/// What to do with the mode.
#[derive(Debug, Subcommand)]
pub(crate) enum MaintenanceCommand {
    /// Make an instance read-only, until it is ended, also over restarts. It needs no database.
    #[command(after_help = NOT_KEPT)]
    On(OnArgs),
    /// End that. The instance stays read-only as long as its database is away.
    #[command(after_help = NOT_KEPT)]
    Off(OffArgs),
    /// Print the mode of an instance, and why it is so.
    Status,
}

const NOT_KEPT: &str = "Exit codes: 0 done, 10 done, but a restart of the instance forgets it: see its log.";

/// Which mode, and why.
#[derive(Debug, Args)]
pub(crate) struct OnArgs {
    /// The mode.
    #[arg(long, value_enum, default_value = "read-only", value_name = "MODE")]
    mode: ModeName,
    /// Why; clients are told.
    #[arg(long, value_name = "TEXT", value_parser = input::name_500)]
    reason: String,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Whether in earnest.
#[derive(Debug, Args)]
pub(crate) struct OffArgs {
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// The modes that can be asked for.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeName {
    /// What would change something is refused; reads go on, leases are kept.
    ReadOnly,
}

/// Runs a verb.
pub(crate) async fn run(command: MaintenanceCommand, context: &Context) -> Ended {
    let client = context.client()?;
    match command {
        MaintenanceCommand::On(args) if args.dry_run => dry_run(&client, "read_only", context).await,
        MaintenanceCommand::Off(args) if args.dry_run => dry_run(&client, "normal", context).await,
        MaintenanceCommand::On(args) => {
            let ModeName::ReadOnly = args.mode;
            let request = SetMaintenance { mode: MaintenanceMode::ReadOnly, reason: args.reason };
            let answer = client.begin_maintenance(&request).await;
            changed(&answer.map_err(|error| context.write_failed(&error))?, context)
        }
        MaintenanceCommand::Off(OffArgs { .. }) => {
            let answer = client.end_maintenance().await;
            changed(&answer.map_err(|error| context.write_failed(&error))?, context)
        }
        MaintenanceCommand::Status => {
            let answer = client.maintenance().await.map_err(|error| context.read_failed(&error))?;
            context.output.result(&answer, || text(&answer))?;
            Ok(Exit::Ok)
        }
    }
}

async fn dry_run(client: &Client, wanted: &str, context: &Context) -> Ended {
    let now = client.maintenance().await.map_err(|error| context.read_failed(&error))?;
    let document = json!({"dry_run": true, "now": now, "would_be": wanted});
    context.output.result(&document, || match (wanted, &now.maintenance) {
        ("read_only", Some(_)) => format!("{} is read-only by hand already", now.instance),
        ("read_only", None) => format!("{} would be read-only by hand", now.instance),
        (_, Some(_)) => format!("{} would not be read-only by hand any more", now.instance),
        (_, None) => format!("{} is not read-only by hand", now.instance),
    })?;
    Ok(Exit::Ok)
}

fn changed(answer: &MaintenanceAnswer, context: &Context) -> Ended {
    if !answer.survives_restart {
        let message =
            format!("{} is in the mode {}, but a restart forgets that", answer.instance, answer.mode);
        let error = CliError::new(Exit::ObjectiveMissed, "not_kept", message)
            .why("it could not be written down in server.state_dir; the instance's log says why")
            .state("the mode is in force")
            .next("taskward config explain server.state_dir")
            .detail("maintenance", answer);
        return Err(error);
    }
    context.output.result(answer, || text(answer))?;
    Ok(Exit::Ok)
}

fn text(answer: &MaintenanceAnswer) -> String {
    let mut lines = vec![("instance", answer.instance.clone()), ("mode", answer.mode.clone())];
    lines.extend(answer.reason.clone().map(|reason| ("reason", reason)));
    if let Some(by_hand) = &answer.maintenance {
        lines.push(("since", format!("{:.0}", by_hand.since)));
        lines.push(("set by request", by_hand.set_by.clone()));
    }
    if !answer.survives_restart {
        lines.push(("after a restart", "forgotten".to_owned()));
    }
    pairs(lines)
}
