//! Bad usage, help and `--version`: what clap says, under this program's contract.

use std::ffi::{OsStr, OsString};

use clap::error::{ContextKind, ErrorKind};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::{Format, Output};

/// Prints what clap found instead of a command, and says how the program ends.
pub(crate) fn report(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
    if asked_for || !wants_json(arguments) {
        // A closed pipe leaves nobody to tell.
        let _ = error.print();
        return if asked_for { Exit::Ok } else { Exit::Usage };
    }
    Output::new(Format::Json).fail(&describe(error))
}

fn describe(error: &clap::Error) -> CliError {
    let text = error.render().to_string();
    let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
    let message = match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => "a command is missing",
        _ => message,
    };
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: "));
    let missing: Vec<_> = match error.get(ContextKind::InvalidArg) {
        Some(clap::error::ContextValue::Strings(names)) => names.clone(),
        _ => Vec::new(),
    };
    let mut described = CliError::usage("usage", message).next("taskward --help");
    if let Some(tip) = tip {
        described = described.why(tip);
    } else if !missing.is_empty() && error.kind() == ErrorKind::MissingRequiredArgument {
        described = described.why(format!("missing: {}", missing.join(", ")));
    }
    described
}

/// Whether `-o json` is among arguments that could not be parsed as a whole.
fn wants_json(arguments: &[OsString]) -> bool {
    let ours: Vec<_> =
        arguments.iter().take_while(|argument| *argument != "--").map(OsString::as_os_str).collect();
    let joined = ["-ojson", "-o=json", "--output=json"];
    let is_flag = |argument: &OsStr| argument == "-o" || argument == "--output";
    ours.iter().any(|argument| joined.iter().any(|form| argument == form))
        || ours.windows(2).any(|pair| is_flag(pair[0]) && pair[1] == "json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_format_in_any_spelling() {
        let wants = |line: &str| wants_json(&line.split(' ').map(OsString::from).collect::<Vec<_>>());
        for line in
            ["taskward -o json x", "taskward x -ojson", "taskward --output=json", "t x --output json y"]
        {
            assert!(wants(line), "{line}");
        }
        for line in ["taskward x", "taskward -o text", "taskward worker -- -o json", "taskward json"] {
            assert!(!wants(line), "{line}");
        }
    }
}
