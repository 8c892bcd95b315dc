//! `taskward completion SHELL`.

use std::io::Write;

use clap::{Args, CommandFactory};
use clap_complete::{Shell, generate};
use serde_json::json;

use super::Ended;
use crate::cli::Cli;
use crate::context::Context;
use crate::exit::Exit;

/// For which shell.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: taskward completion bash > ~/.local/share/bash-completion/completions/taskward"
)]
pub(crate) struct CompletionArgs {
    /// The shell.
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: &CompletionArgs, context: &Context) -> Ended {
    let mut script = Vec::new();
    generate(args.shell, &mut Cli::command(), "taskward", &mut script);
    if context.output.is_text() {
        context.output.raw(|out| out.write_all(&script))?;
    } else {
        let document = json!({"shell": args.shell.to_string(), "script": String::from_utf8_lossy(&script)});
        context.output.result(&document, String::new)?;
    }
    Ok(Exit::Ok)
}
