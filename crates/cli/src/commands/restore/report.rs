//! `taskward restore report`.

use taskward_ops::backup::{self, RestoreRecord};

use crate::commands::Ended;
use crate::commands::backup::settings;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

pub(super) const EXITS: &str = "Exit codes: 0 these are all, 4 there may be more: the data from before could not be \
compared, 6 nothing was restored.";

/// Prints the latest restore.
pub(super) fn run(context: &Context) -> Ended {
    let settings = settings(context)?;
    let latest = backup::latest_record(&settings).map_err(|error| CliError::from_backup(&error))?;
    let Some(record) = latest else {
        let message = format!("nothing was restored from {}", settings.dir.display());
        return Err(CliError::new(Exit::NotFound, "no_restore", message).next("taskward backup list"));
    };
    if record.compared {
        context.output.result(&record, || text(&record))?;
        return Ok(Exit::Ok);
    }
    context.output.text(|| text(&record))?;
    let message = "which tasks were finished after the restored point is not known";
    Err(CliError::new(Exit::Unknown, "report_incomplete", message)
        .why("the data from before was not there, or could not be read while the restore ran")
        .next("taskward task list --state available")
        .detail("report", &record))
}

fn text(record: &RestoreRecord) -> String {
    let head = format!(
        "{} was restored to {} at {:.0}, as of {:.0}",
        record.backup, record.target, record.restored_at, record.point_at
    );
    let running = record.interrupted.iter().map(|task| {
        let worker = task.worker_id.as_deref().unwrap_or("-");
        vec![
            task.id.to_string(),
            task.queue.clone(),
            task.kind.clone(),
            format!("was running then, at {worker}"),
        ]
    });
    let again = record.again.iter().map(|task| {
        let since = if task.state.is_finished() { "since then" } else { "claimed since then" };
        vec![task.id.to_string(), task.queue.clone(), task.kind.clone(), format!("{} {since}", task.state)]
    });
    let rows: Vec<_> = running.chain(again).collect();
    let lost = if record.compared { record.lost.to_string() } else { "an unknown number of".to_owned() };
    let tail = format!("{lost} tasks were created since then, and are lost");
    if rows.is_empty() {
        return format!("{head}\nno task is known that may run again; {tail}");
    }
    let count = rows.len();
    format!("{head}\n{}\n{count} tasks may run again; {tail}", table(&["id", "queue", "kind", "why"], rows))
}
