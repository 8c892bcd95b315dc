//! The log: one line an event, for people or as JSON, on stdout or in a file; its level can be changed
//! while the service runs.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt};

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogTarget {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// The end of a file.
    File(PathBuf),
}

/// The settings of the log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Events below this level are dropped.
    pub level: LevelFilter,
    /// How a line looks.
    pub format: LogFormat,
    /// Whether human lines have colours.
    pub colour: bool,
    /// Where lines go.
    pub target: LogTarget,
}

/// Changes the level of the running log.
#[derive(Clone)]
pub struct LogHandle(reload::Handle<Targets, Registry>);

impl LogHandle {
    /// Sets the level, at once.
    pub fn set_level(&self, level: LevelFilter) {
        // Fails only when the subscriber is gone, and then there is no log to speak of.
        let _ = self.0.modify(|current| *current = targets(level));
    }
}

/// Installs the process's log. Call once.
///
/// # Errors
/// When the log file cannot be opened for appending.
pub fn install(settings: &LogSettings) -> io::Result<LogHandle> {
    let writer = match &settings.target {
        LogTarget::File(path) => BoxMakeWriter::new(open(path)?),
        LogTarget::Stdout => BoxMakeWriter::new(io::stdout),
        LogTarget::Stderr => BoxMakeWriter::new(io::stderr),
    };
    let (filter, handle) = reload::Layer::new(targets(settings.level));
    let lines = match settings.format {
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
        LogFormat::Human => {
            fmt::layer().with_target(false).with_ansi(settings.colour).with_writer(writer).boxed()
        }
    };
    tracing_subscriber::registry().with(filter).with(lines).init();
    Ok(LogHandle(handle))
}

/// The level is Taskward's own; libraries are heard when they warn, unless everything is wanted (TRACE).
fn targets(level: LevelFilter) -> Targets {
    let libraries = if level == LevelFilter::TRACE { level } else { level.min(LevelFilter::WARN) };
    Targets::new().with_default(libraries).with_target("taskward", level)
}

/// Not world-readable: lines name tasks, queues and workers.
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}
