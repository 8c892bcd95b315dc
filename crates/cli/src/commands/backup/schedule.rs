//! `taskward backup schedule`.

use clap::Args;
use serde_json::json;

use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

/// When.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// The time of day, in the machine's time zone.
    #[arg(long, value_name = "HH:MM", value_parser = time, default_value = "02:30")]
    at: (u8, u8),
}

/// Prints what makes a backup every day.
pub(super) fn run(args: &ScheduleArgs, context: &Context) -> Ended {
    let program = std::env::current_exe().map_err(|error| {
        CliError::new(Exit::Failed, "backup_failed", "this program does not know where it is").why(error)
    })?;
    let (program, (hour, minute)) = (program.display().to_string(), args.at);
    let service = format!(
        "[Unit]\nDescription=Backup of Taskward\n\n[Service]\nType=oneshot\nUser=taskward\n\
         EnvironmentFile=-/etc/taskward/environment\nExecStart={program} backup create\n\
         ExecStartPost={program} backup prune --yes\n"
    );
    let timer = format!(
        "[Unit]\nDescription=Daily backup of Taskward\n\n[Timer]\nOnCalendar=*-*-* {hour:02}:{minute:02}:00\n\
         Persistent=true\n\n[Install]\nWantedBy=timers.target\n"
    );
    let cron =
        format!("{minute} {hour} * * * taskward {program} backup create && {program} backup prune --yes\n");
    let document = json!({"service": service, "timer": timer, "cron": cron});
    context.output.result(&document, || {
        format!(
            "# /etc/systemd/system/taskward-backup.service\n{service}\n\
             # /etc/systemd/system/taskward-backup.timer; then: systemctl enable --now taskward-backup.timer\n{timer}\n\
             # or /etc/cron.d/taskward-backup\n{cron}"
        )
    })?;
    Ok(Exit::Ok)
}

fn time(text: &str) -> Result<(u8, u8), String> {
    let parsed =
        text.split_once(':').and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
    match parsed {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok((hour, minute)),
        _ => Err("expected a time of day such as 02:30".to_owned()),
    }
}
