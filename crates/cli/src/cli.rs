//! The tree of commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    alerts, backup, bench, checklist, completion, config, db, doctor, drill, enqueue, health, log,
    maintenance, metrics, migrate, queue, restore, serve, task, worker,
};
use crate::output::Format;

/// A durable task service that runs its own runbook.
#[derive(Debug, Parser)]
#[command(name = "taskward", version, about, max_term_width = 110, arg_required_else_help = true)]
#[command(after_help = "Exit codes: 0 ok, 1 failed, 2 bad usage or input, 3 a check says no, 4 unknown, \
5 refused, 6 not found, 7 conflict, 8 unreachable, 9 not confirmed, 10 objective missed, 130/143 signal.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const GLOBAL: &str = "Global options";

/// Arguments that every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalArgs {
    /// How results are printed: for people, or as one JSON document.
    #[arg(short, long, global = true, value_enum, default_value = "text", value_name = "FORMAT", help_heading = GLOBAL)]
    pub(crate) output: Format,
    /// Where the service is [default: http://127.0.0.1:8000]. The key comes from API_KEY or API_KEY_FILE
    #[arg(long, global = true, env = "TASKWARD_URL", hide_env_values = true, value_name = "URL", help_heading = GLOBAL)]
    pub(crate) url: Option<String>,
    /// Where the configuration files are [default: ./config, then /etc/taskward].
    #[arg(long, global = true, value_name = "DIR", help_heading = GLOBAL)]
    pub(crate) config_dir: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(about = "Run the service")]
    Serve(serve::ServeArgs),
    /// Create a task, or one task for each line of a file.
    Enqueue(Box<enqueue::EnqueueArgs>),
    /// Run a command for each task of some queues.
    Worker(worker::WorkerArgs),
    /// Look at tasks, cancel them, bring them back.
    #[command(subcommand)]
    Task(task::TaskCommand),
    /// Look at queues, pause and resume them.
    #[command(subcommand)]
    Queue(queue::QueueCommand),
    /// Ask the service whether it lives, or is ready.
    #[command(subcommand)]
    Health(health::HealthCommand),
    /// Make the service read-only by hand, and end that.
    #[command(subcommand)]
    Maintenance(maintenance::MaintenanceCommand),
    /// Look at alerts, print and test their rules, be silent about them.
    #[command(subcommand)]
    Alerts(alerts::AlertsCommand),
    /// Look at the figures of the service.
    #[command(subcommand)]
    Metrics(metrics::MetricsCommand),
    /// Read the service's log, change what it logs.
    #[command(subcommand)]
    Log(log::LogCommand),
    /// Go through what has to be so after a change, with evidence for each point.
    #[command(subcommand)]
    Checklist(checklist::ChecklistCommand),
    /// Look for what is wrong with the machine that the service runs on.
    #[command(subcommand)]
    Doctor(doctor::DoctorCommand),
    /// Check, show and explain the configuration.
    #[command(subcommand)]
    Config(config::ConfigCommand),
    /// Check what the database holds, or move it to another.
    #[command(subcommand)]
    Db(db::DbCommand),
    /// Look at the database's schema, bring it up to date, or back.
    #[command(subcommand)]
    Migrate(migrate::MigrateCommand),
    /// Make backups of the database, look at them, verify and remove them.
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    /// Bring the database back from a backup.
    #[command(subcommand)]
    Restore(restore::RestoreCommand),
    /// Try whether a backup can be restored, and how long that takes.
    #[command(subcommand)]
    Drill(drill::DrillCommand),
    /// Measure how fast a service is.
    Bench(bench::BenchArgs),
    /// Print the version of this program.
    Version,
    /// Print a completion script for a shell.
    Completion(completion::CompletionArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_tree_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
