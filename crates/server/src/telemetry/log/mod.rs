//! The log: one line an event, for people or as JSON with the field names of Elastic's common schema, on a
//! stream, in a file, or both.
//!
//! - Nobody waits for a disk or a terminal: lines go through a bounded queue to a thread for each output
//!   (`output.rs`). What does not fit, or cannot be written, is dropped and counted (`drops.rs`).
//! - The file is opened again when it was moved away, rotated by day and by size if that is wanted, and what
//!   was rotated is compressed (`file.rs`, `rotate.rs`).
//! - The level can be changed while the service runs, and reverts by itself (`levels.rs`).
//! - Lines of libraries are written from WARNING on and never below: what drivers say at DEBUG has payloads
//!   in it.

mod clock;
mod drops;
mod ecs;
mod file;
mod levels;
mod output;
mod panic;
mod rotate;
mod targets;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

pub use ecs::field_path;
pub use levels::{LevelChange, LevelRefused, Levels, level_filter};
pub use targets::TARGETS;

use drops::Drops;
use output::Output;

/// How a line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// A stream that lines go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogStream {
    /// Standard output.
    Stdout {
        /// Whether human lines have colours.
        colour: bool,
    },
    /// Standard error.
    Stderr,
}

/// A file that lines go to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFileSettings {
    /// Where it is.
    pub path: PathBuf,
    /// How it is rotated; `None` leaves that to somebody else.
    pub rotation: Option<Rotation>,
}

/// How a file is rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rotation {
    /// Bytes at which it is rotated, besides at midnight UTC.
    pub size: u64,
    /// Rotated files that are kept.
    pub keep: usize,
}

/// Who writes the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogService {
    /// The name of the service.
    pub name: String,
    /// `dev`, `staging` or `prod`.
    pub environment: String,
    /// The name of this instance.
    pub instance: String,
}

/// The settings of the log.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Events below this level are dropped.
    pub level: LevelFilter,
    /// How a line looks.
    pub format: LogFormat,
    /// A stream to write to.
    pub stream: Option<LogStream>,
    /// A file to write to.
    pub file: Option<LogFileSettings>,
    /// Who writes.
    pub service: LogService,
}

/// The process's log. Dropping it writes what still waits, as far as that takes no more than a second or two.
pub struct Log {
    control: LogControl,
    _outputs: Vec<Output>,
}

/// What can be done with a running log. Clones control the same log.
#[derive(Clone)]
pub struct LogControl {
    levels: Levels,
    /// Set to have the file opened again, when there is one.
    reopen: Option<Arc<AtomicBool>>,
    drops: Arc<[Arc<Drops>]>,
}

impl Log {
    /// Installs the process's log. Call once.
    ///
    /// # Errors
    /// When the log file cannot be opened for appending, or its thread cannot be started.
    pub fn install(settings: &LogSettings) -> io::Result<Self> {
        let (filter, levels) = Levels::new(settings.level);
        let reopen = settings.file.as_ref().map(|_| Arc::new(AtomicBool::new(false)));
        let mut outputs = Vec::new();
        if let Some(stream) = settings.stream {
            outputs.push(Output::stream(stream)?);
        }
        if let (Some(file), Some(reopen)) = (&settings.file, &reopen) {
            outputs.push(Output::file(file, Arc::clone(reopen))?);
        }
        let layers: Vec<_> = outputs.iter().map(|output| output.layer(settings)).collect();
        tracing_subscriber::registry().with(filter).with(layers).init();
        panic::log_panics();
        let drops = outputs.iter().map(|output| Arc::clone(&output.drops)).collect();
        Ok(Self { control: LogControl { levels, reopen, drops }, _outputs: outputs })
    }

    /// What can be done with it.
    pub fn control(&self) -> &LogControl {
        &self.control
    }
}

impl LogControl {
    /// The control of a log that somebody else has set up: it knows levels, and changes nothing by them.
    pub fn detached(level: LevelFilter) -> Self {
        Self { levels: Levels::new(level).1, reopen: None, drops: Arc::new([]) }
    }

    /// The levels of the log.
    pub fn levels(&self) -> &Levels {
        &self.levels
    }

    /// Opens the log file again, if there is one, before the next line, which this itself writes.
    pub fn reopen(&self) {
        if let Some(reopen) = &self.reopen {
            reopen.store(true, Ordering::Release);
            tracing::info!("the log file is opened again");
        }
    }

    /// Brings the metric of dropped lines up to date: they are counted where nobody may be kept waiting.
    pub(crate) fn count_dropped(&self) {
        for drops in &*self.drops {
            drops.count();
        }
    }
}
