//! The program to run, found before any task is claimed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::error::CliError;
use crate::input::shell_quoted;

/// A program and its arguments.
#[derive(Debug)]
pub(super) struct Program {
    pub(super) path: PathBuf,
    pub(super) arguments: Vec<OsString>,
}

/// Finds the program the way a shell does.
///
/// # Errors
/// Bad usage: there is none, or it may not be run.
pub(super) fn find(command: &[OsString]) -> Result<Program, CliError> {
    let (name, arguments) = command
        .split_first()
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| CliError::usage("no_command", "there is no command after --"))?;
    let path = if name.to_string_lossy().contains('/') {
        Some(PathBuf::from(name)).filter(|path| runs(path))
    } else {
        let directories = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&directories).map(|directory| directory.join(name)).find(|path| runs(path))
    };
    let shown = name.to_string_lossy();
    let path = path.ok_or_else(|| {
        CliError::usage("command_not_found", format!("{shown} is not a program that can be run"))
            .why("it is not in PATH, or not executable; no task was claimed")
            .next(format!("command -v {}", shell_quoted(&shown)))
    })?;
    Ok(Program { path, arguments: arguments.to_vec() })
}

fn runs(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}
