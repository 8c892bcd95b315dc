//! Asking before something is destroyed.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::error::CliError;
use crate::exit::Exit;
use crate::output::printable;

/// Lets the command go on when `--yes` was given, or when somebody at a terminal types `name`. Without a
/// terminal nobody is asked, and nothing hangs.
pub(crate) fn confirm(yes: bool, what: &str, name: &str, next: &str) -> Result<(), CliError> {
    if yes {
        return Ok(());
    }
    let refused = |why: &str| {
        CliError::new(Exit::NotConfirmed, "not_confirmed", format!("not confirmed: {what}"))
            .why(why)
            .next(next)
    };
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(refused("there is no terminal to ask at, and --yes was not given"));
    }
    let mut typed = String::new();
    let asked = write!(io::stderr().lock(), "{what}\nType {} to go on: ", printable(name));
    let read = asked.and_then(|()| io::stdin().lock().read_line(&mut typed));
    match read {
        Ok(_) if typed.trim() == name => Ok(()),
        Ok(_) => Err(refused("something else was typed")),
        Err(error) => Err(refused(&error.to_string())),
    }
}
