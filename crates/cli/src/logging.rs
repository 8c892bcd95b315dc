//! Warnings of client verbs, on stderr. The service sets up its own logs.

use std::io::{self, Write};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::progress::Progress;

/// Prints warnings, or what `LOG_LEVEL` asks for, without tearing the progress line.
pub(crate) fn to_stderr(progress: &Progress) {
    let level = match std::env::var("LOG_LEVEL").unwrap_or_default().to_ascii_uppercase().as_str() {
        "TRACE" => LevelFilter::TRACE,
        "DEBUG" => LevelFilter::DEBUG,
        "INFO" => LevelFilter::INFO,
        "ERROR" => LevelFilter::ERROR,
        _ => LevelFilter::WARN,
    };
    // What libraries say below a warning may hold what is in requests.
    let ours = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("taskward", level);
    let lines = fmt::layer()
        .with_writer(Stderr(progress.clone()))
        .with_target(false)
        .with_ansi(console::colors_enabled_stderr());
    // One subscriber a process; a second one could only come from a second verb.
    let _ = tracing_subscriber::registry().with(ours).with(lines).try_init();
}

#[derive(Debug, Clone)]
struct Stderr(Progress);

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.aside(|| io::stderr().lock().write_all(bytes)).map(|()| bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

impl<'a> MakeWriter<'a> for Stderr {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
