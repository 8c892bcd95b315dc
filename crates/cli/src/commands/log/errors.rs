//! `taskward log errors`.

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use taskward_ops::logs::{self, ErrorGroup, ErrorReport, GroupBy};

use super::options::{Range, Which, ended, failed, no_data};
use crate::commands::Ended;
use crate::context::Context;
use crate::table::table;

/// Which errors, and how to count them.
#[derive(Debug, Args)]
pub(crate) struct ErrorsArgs {
    /// What errors are counted by.
    #[arg(long, value_enum, default_value = "error.type", value_name = "FIELD")]
    by: By,
    #[command(flatten)]
    range: Range,
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    // Not documentation: the names say it.
    #[value(name = "error.type")]
    ErrorType,
    Kind,
    Queue,
    Message,
}

/// Counts the errors of a range.
pub(super) fn run(args: &ErrorsArgs, context: &Context) -> Ended {
    let path = args.which.path(context)?;
    let filter = args.which.within(&args.range)?;
    let by = match args.by {
        By::ErrorType => GroupBy::ErrorType,
        By::Kind => GroupBy::Kind,
        By::Queue => GroupBy::Queue,
        By::Message => GroupBy::Message,
    };
    let report = logs::errors(&path, &filter, by).map_err(|error| failed(&error))?;
    if report.entries == 0 && report.damages.is_empty() {
        return Err(no_data(&path));
    }
    context.output.result(&report, || text(&report))?;
    Ok(ended(&report.damages, context))
}

fn text(report: &ErrorReport) -> String {
    let summary = format!("{} errors among {} entries", report.errors, report.entries);
    if report.groups.is_empty() {
        return summary;
    }
    let header = ["count", "what", "first", "last", "message", "task", "request"];
    format!("{}\n{summary}", table(&header, report.groups.iter().map(row)))
}

fn row(group: &ErrorGroup) -> Vec<String> {
    let time = |time: Option<Timestamp>| time.map_or_else(|| "-".to_owned(), |time| format!("{time:.0}"));
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    vec![
        group.count.to_string(),
        group.key.clone(),
        time(group.first),
        time(group.last),
        group.message.clone(),
        or_none(&group.task),
        or_none(&group.request),
    ]
}
