//! `taskward`: the command line, and the composition root of the service.
//!
//! What a verb does is in the library crates; here are its arguments, its output and its exit code. The
//! outward contract of all verbs: results on stdout, everything else on stderr; `-o json` prints exactly one
//! document, also on failure; exit codes are those of [`exit::Exit`].

mod cli;
mod clock;
pub mod commands;
mod confirm;
mod context;
mod database;
mod error;
mod exit;
mod input;
mod logging;
mod output;
mod progress;
mod secret;
mod signals;
mod table;
mod traces;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Cli;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// A request is many small allocations, freed by another thread as often as not: what the C library's
/// allocator is slowest at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    match Cli::try_parse_from(&arguments) {
        Ok(cli) => run(cli).into(),
        Err(error) => usage::report(&error, &arguments).into(),
    }
}

/// Runs the verb, prints its error if it has one, and says how it ended.
fn run(cli: Cli) -> Exit {
    let output = Output::new(cli.global.output);
    let context = Context::new(cli.global, output);
    let ended = runtime().and_then(|runtime| {
        let ended = runtime.block_on(commands::run(cli.command, &context));
        // What still reads from a terminal must not keep the process.
        runtime.shutdown_background();
        ended
    });
    ended.unwrap_or_else(|error| output.fail(&error))
}

fn runtime() -> Result<tokio::runtime::Runtime, CliError> {
    tls_provider();
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(|error| {
        CliError::new(Exit::Failed, "runtime", "the program cannot start its threads").why(error)
    })
}

/// The one provider of cryptography in this process.
fn tls_provider() {
    // It only fails when there is one already, and nothing ran before this.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
