//! From the problems of a configuration to an error of the command line.

use taskward_config::Problems;

use super::CliError;
use crate::exit::Exit;

impl CliError {
    /// A configuration that cannot be used, with all that is wrong with it.
    pub(crate) fn from_config(problems: &Problems) -> Self {
        let exit = if problems.only_unreadable() { Exit::Unknown } else { Exit::Usage };
        Self::new(exit, "config_invalid", problems.to_string())
            .next("taskward config check")
            .detail("problems", problems)
    }
}
