//! The one place that prints. Results go to stdout, everything else to stderr.

use std::fmt::Display;
use std::io::{self, Write};

use clap::ValueEnum;
use console::style;
use serde::Serialize;

use crate::error::CliError;
use crate::exit::Exit;

/// How results are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // Not documentation: clap would put it into the help of every command.
    #[default]
    Text,
    Json,
}

/// Prints, in one format.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    format: Format,
}

impl Output {
    pub(crate) fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether people read the results.
    pub(crate) fn is_text(self) -> bool {
        self.format == Format::Text
    }

    /// Prints the result: the document as JSON, or its text.
    pub(crate) fn result(
        self,
        document: &impl Serialize,
        text: impl FnOnce() -> String,
    ) -> Result<(), CliError> {
        let line = match self.format {
            Format::Json => to_json(document)?,
            Format::Text => text(),
        };
        if line.is_empty() { Ok(()) } else { self.line(&line) }
    }

    /// Prints text for people; nothing with `-o json`, whose document comes with the end.
    pub(crate) fn text(self, text: impl FnOnce() -> String) -> Result<(), CliError> {
        if self.is_text() { self.line(&text()) } else { Ok(()) }
    }

    /// Prints a line of the result as it is.
    pub(crate) fn line(self, line: &str) -> Result<(), CliError> {
        self.raw(|out| writeln!(out, "{}", line.trim_end_matches('\n')))
    }

    /// Writes to stdout.
    pub(crate) fn raw(
        self,
        write: impl FnOnce(&mut io::StdoutLock<'_>) -> io::Result<()>,
    ) -> Result<(), CliError> {
        let mut out = io::stdout().lock();
        write(&mut out).and_then(|()| out.flush()).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => CliError::reader_gone(),
            _ => CliError::new(Exit::Failed, "output", "the result cannot be written to stdout")
                .why(error)
                .state("the command was carried out; only its result is missing"),
        })
    }

    /// Says something beside the result. Nobody to hear it is no error.
    pub(crate) fn note(self, text: impl Display) {
        let _ = writeln!(io::stderr().lock(), "{text}");
    }

    /// Prints why the command failed, and returns how it ends.
    pub(crate) fn fail(self, error: &CliError) -> Exit {
        if error.is_silent() {
            return error.exit();
        }
        match self.format {
            Format::Json => {
                let document = to_json(&error.document()).unwrap_or_default();
                // The exit code says it as well, should stdout be gone.
                let _ = self.line(&document);
            }
            Format::Text => self.note(describe(error)),
        }
        error.exit()
    }
}

fn to_json(document: &impl Serialize) -> Result<String, CliError> {
    serde_json::to_string_pretty(document).map_err(|error| {
        CliError::new(Exit::Failed, "output", "the result cannot be written as JSON").why(error)
    })
}

fn describe(error: &CliError) -> String {
    let head = style(format!("error[{}]", error.code())).for_stderr().red().bold();
    let mut text = format!("{head}: {}", printable(error.message()));
    for (name, line) in error.lines() {
        let name = style(format!("{:<6}", format!("{name}:"))).for_stderr().dim();
        text.push_str(&format!("\n  {name} {}", printable(line)));
    }
    text
}

/// A number of bytes, for people.
pub(crate) fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}

/// Text of tasks and services, without the control characters that would steer a terminal.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\tc\r"), "a\u{fffd}[2Jb\n\tc\u{fffd}");
    }
}
