//! `taskward backup schedule`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use taskward_config::{DatabaseTarget, WalMode};

use super::settings;
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::secret::quoted;

/// When.
#[derive(Debug, Args)]
pub(crate) struct ScheduleArgs {
    /// The time of day, in the machine's time zone.
    #[arg(long, value_name = "HH:MM", value_parser = time, default_value = "02:30")]
    at: (u8, u8),
    /// The file with the service's environment: `DATABASE_URL` and the like.
    #[arg(long, value_name = "FILE", default_value = "/etc/taskward/environment")]
    environment: PathBuf,
}

/// Prints what makes a backup every day.
pub(super) fn run(args: &ScheduleArgs, context: &Context) -> Ended {
    let program = std::env::current_exe().map_err(|error| {
        CliError::new(Exit::Failed, "backup_failed", "this program does not know where it is").why(error)
    })?;
    // Relative paths of the configuration are meant from here.
    let dir = std::env::current_dir().map_err(|error| {
        CliError::new(Exit::Failed, "backup_failed", "this directory cannot be named").why(error)
    })?;
    let (shell_program, program) = (quoted(&program), program.display().to_string());
    let (hour, minute) = args.at;
    let environment = dir.join(&args.environment);
    let surroundings =
        format!("WorkingDirectory={}\nEnvironmentFile=-{}\n", dir.display(), environment.display());
    let service = format!(
        "[Unit]\nDescription=Backup of Taskward\n\n[Service]\nType=oneshot\nUser=taskward\n\
         {surroundings}ExecStart={program} backup create\n\
         ExecStartPost={program} backup prune --yes\n"
    );
    let timer = format!(
        "[Unit]\nDescription=Daily backup of Taskward\n\n[Timer]\nOnCalendar=*-*-* {hour:02}:{minute:02}:00\n\
         Persistent=true\n\n[Install]\nWantedBy=timers.target\n"
    );
    let (dir, environment) = (quoted(&dir), quoted(&environment));
    let cron = format!(
        "{minute} {hour} * * * taskward cd {dir} && set -a && {{ [ ! -r {environment} ] || . {environment}; }} && \
         {shell_program} backup create && {shell_program} backup prune --yes\n"
    );
    let log = log(&program, &surroundings, context);
    let mut document = json!({"service": service, "timer": timer, "cron": cron});
    if let Some((name, text)) = &log {
        document[*name] = json!(text);
    }
    let log = log.map_or_else(String::new, |(_, text)| format!("\n{text}"));
    context.output.result(&document, || {
        format!(
            "# /etc/systemd/system/taskward-backup.service\n{service}\n\
             # /etc/systemd/system/taskward-backup.timer; then: systemctl enable --now taskward-backup.timer\n{timer}\n\
             # or /etc/cron.d/taskward-backup\n{cron}{log}"
        )
    })?;
    Ok(Exit::Ok)
}

/// What archives the log of PostgreSQL beside that; its name in JSON, and its text.
fn log(program: &str, surroundings: &str, context: &Context) -> Option<(&'static str, String)> {
    // A timer can be printed without a configuration that is complete.
    let settings = settings(context).ok()?;
    let is_postgres = matches!(settings.database, DatabaseTarget::Postgres(_));
    let dir = std::path::absolute(&settings.dir).unwrap_or(settings.dir);
    match settings.wal {
        WalMode::Stream if is_postgres => Some((
            "stream",
            format!(
                "# the service receives PostgreSQL's log; without it, /etc/systemd/system/taskward-wal.service\n\
                 [Unit]\nDescription=Taskward's archive of PostgreSQL's log\n\n[Service]\nUser=taskward\n\
                 {surroundings}ExecStart={program} backup stream\nRestart=always\n\n\
                 [Install]\nWantedBy=multi-user.target\n"
            ),
        )),
        WalMode::Command if is_postgres => Some((
            "postgresql_conf",
            format!(
                "# postgresql.conf; then restart PostgreSQL. Its user has to be able to write to the directory.\n\
                 archive_mode = on\narchive_command = '{program} backup archive-wal --dir {} %p'\n\
                 archive_timeout = 60s\n",
                dir.display()
            ),
        )),
        _ => None,
    }
}

fn time(text: &str) -> Result<(u8, u8), String> {
    let parsed =
        text.split_once(':').and_then(|(hour, minute)| Some((hour.parse().ok()?, minute.parse().ok()?)));
    match parsed {
        Some((hour @ 0..=23, minute @ 0..=59)) => Ok((hour, minute)),
        _ => Err("expected a time of day such as 02:30".to_owned()),
    }
}
