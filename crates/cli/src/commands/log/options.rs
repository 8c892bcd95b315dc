//! What the readers of the log have in common: where it is, which entries, and what can be wrong.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use console::style;
use jiff::Timestamp;
use regex::Regex;
use taskward_config::{Config, Logging};
use taskward_core::LogLevel;
use taskward_ops::logs::{Damage, Entry, Filter, LogError};
use uuid::Uuid;

use crate::clock;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input;
use crate::output::printable;
use crate::secret::quoted;

/// Which log, and which of its entries.
#[derive(Debug, Args)]
pub(super) struct Which {
    /// The log file [default: the configuration's logging.file].
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Only entries this severe, or more: ERROR, WARNING, INFO, DEBUG, TRACE.
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<LogLevel>,
    /// Only entries about this task.
    #[arg(long, value_name = "ID", value_parser = input::task_id)]
    task: Option<Uuid>,
    /// Only entries that match this regular expression, in any of their lines.
    #[arg(long, value_name = "PATTERN", value_parser = pattern)]
    grep: Option<Regex>,
}

/// A range of time.
#[derive(Debug, Args)]
pub(super) struct Range {
    /// From then on: so long ago, such as 15m, or a moment, such as 2026-12-31T23:59:00Z.
    #[arg(long, value_name = "TIME", value_parser = when, default_value = "15m")]
    since: When,
    /// Until then, exclusively [default: now].
    #[arg(long, value_name = "TIME", value_parser = when)]
    until: Option<When>,
}

#[derive(Debug, Clone, Copy)]
enum When {
    Ago(Duration),
    At(Timestamp),
}

impl When {
    fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::Ago(duration) => now.saturating_sub(duration).unwrap_or(Timestamp::MIN),
            Self::At(time) => time,
        }
    }
}

impl Which {
    pub(super) fn filter(&self) -> Filter {
        Filter { level: self.level, task: self.task, grep: self.grep.clone(), ..Filter::default() }
    }

    pub(super) fn within(&self, range: &Range) -> Result<Filter, CliError> {
        let now = clock::now();
        let (since, until) = (range.since.from(now), range.until.map(|until| until.from(now)));
        if until.is_some_and(|until| until <= since) {
            return Err(
                CliError::usage("usage", "--until is not after --since").next("taskward log show --help")
            );
        }
        Ok(Filter { since: Some(since), until, ..self.filter() })
    }

    /// The log's file.
    pub(super) fn path(&self, context: &Context) -> Result<PathBuf, CliError> {
        match &self.file {
            Some(path) => Ok(path.clone()),
            None => configured(logging(context)?),
        }
    }
}

/// The service's section `logging`, whatever else its configuration lacks here.
pub(super) fn logging(context: &Context) -> Result<Logging, CliError> {
    Config::load_logging(&context.sources()).map_err(|found| CliError::from_config(&found))
}

/// The file that the service logs to.
pub(super) fn configured(logging: Logging) -> Result<PathBuf, CliError> {
    logging.file.ok_or_else(|| {
        CliError::new(Exit::NotFound, "no_log_file", "this configuration logs to no file")
            .why("the service writes to its standard output: whoever started it has the log")
            .next("taskward config explain logging.file")
    })
}

/// A level by any of its names.
pub(super) fn level(text: &str) -> Result<LogLevel, String> {
    LogLevel::parse(text).ok_or_else(|| {
        let names = LogLevel::ALL.map(LogLevel::as_str);
        match taskward_config::nearest(text, names) {
            Some(near) => format!("there is no such level, did you mean {near}?"),
            None => format!("there is no such level; it is one of {}", names.join(", ")),
        }
    })
}

fn pattern(text: &str) -> Result<Regex, String> {
    Regex::new(text).map_err(|error| error.to_string())
}

fn when(text: &str) -> Result<When, String> {
    match (input::duration(text), input::timestamp(text)) {
        (Ok(duration), _) => Ok(When::Ago(duration)),
        (_, Ok(time)) => Ok(When::At(time)),
        _ => {
            Err("expected so long ago, such as 15m or 24h, or a moment such as 2026-12-31T23:59:00Z"
                .to_owned())
        }
    }
}

/// What a log that cannot be read means.
pub(super) fn failed(error: &LogError) -> CliError {
    let (exit, code) = match error {
        LogError::Missing(_) => (Exit::NotFound, "no_log_file"),
        LogError::NotAFile(_) => (Exit::Usage, "no_log_file"),
        LogError::Unreadable { .. } => (Exit::Unknown, "log_unreadable"),
        LogError::Unremovable { .. } => (Exit::Failed, "log_unremovable"),
    };
    let (LogError::Missing(path)
    | LogError::NotAFile(path)
    | LogError::Unreadable { path, .. }
    | LogError::Unremovable { path, .. }) = error;
    let shown = CliError::new(exit, code, error.to_string()).next(format!("ls -l {}", quoted(path)));
    match error.source() {
        Some(source) => shown.why(source),
        None => shown,
    }
}

/// Nothing was logged: whether anything happened is not known.
pub(super) fn no_data(path: &Path) -> CliError {
    CliError::new(Exit::Unknown, "no_log_data", "no data: the log has no entry in this range")
        .why("nothing was logged, or another service writes another file")
        .next(format!("taskward log tail -n 5 --file {}", quoted(path)))
}

/// How a command ends that has read a log.
pub(super) fn ended(damages: &[Damage], context: &Context) -> Exit {
    for Damage { file, why } in damages {
        context.output.note(format!("unknown: {} could not be read to its end: {why}", file.display()));
    }
    if damages.is_empty() { Exit::Ok } else { Exit::Unknown }
}

/// An entry for people, coloured by how severe it is where there are colours.
pub(super) fn line(entry: &Entry) -> String {
    let text = printable(&entry.human());
    let line = match entry.level {
        Some(LogLevel::Error) => style(text).red(),
        Some(LogLevel::Warning) => style(text).yellow(),
        Some(LogLevel::Debug | LogLevel::Trace) => style(text).dim(),
        _ => style(text),
    };
    line.to_string()
}
