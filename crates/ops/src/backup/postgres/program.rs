//! Finding a program of the right version, and running it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use secrecy::ExposeSecret;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};

use super::Connection;
use crate::backup::BackupError;

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Lines kept of what a program says.
const LINES_KEPT: usize = 8;

/// A program of PostgreSQL.
#[derive(Debug, Clone)]
pub(in crate::backup) struct Program {
    name: &'static str,
    path: PathBuf,
}

impl Program {
    /// A program of this major version: in `bin` when that is named, else where Debian has it, or where a shell would
    /// find it.
    pub(in crate::backup) async fn find(
        bin: Option<&Path>,
        name: &'static str,
        major: u32,
    ) -> Result<Self, BackupError> {
        let places = match bin {
            Some(bin) => vec![bin.join(name)],
            None => vec![Path::new(DEBIAN).join(major.to_string()).join("bin").join(name), name.into()],
        };
        let mut other = None;
        for path in places {
            match version(&path).await {
                Some((found, _)) if found == major => return Ok(Self { name, path }),
                Some((_, text)) => other = Some(text),
                None => {}
            }
        }
        match other {
            Some(found) => Err(BackupError::ProgramVersion { name, found, needed: major }),
            None => {
                let kind =
                    if matches!(name, "postgres" | "initdb") { "postgresql" } else { "postgresql-client" };
                Err(BackupError::ProgramMissing { name, major, package: format!("{kind}-{major}") })
            }
        }
    }

    pub(in crate::backup) fn path(&self) -> &Path {
        &self.path
    }

    /// A command that connects: the password is in its environment, and in no argument.
    pub(in crate::backup) fn command(&self, connection: &Connection) -> Command {
        let mut command = Command::new(&self.path);
        command.env("PGCONNECT_TIMEOUT", "10").env("LC_ALL", "C");
        if let Some(password) = &connection.password {
            command.env("PGPASSWORD", password.expose_secret());
        }
        command
    }

    /// Runs a command to its end; it is killed when this is given up. `on_line` hears what it says.
    pub(in crate::backup) async fn run(
        &self,
        command: Command,
        connection: &Connection,
        on_line: impl Fn(&str),
    ) -> Result<(), BackupError> {
        self.start(command, connection)?.ended(on_line).await
    }

    /// Starts a command, which is killed when what this returns is dropped.
    pub(in crate::backup) fn start(
        &self,
        mut command: Command,
        connection: &Connection,
    ) -> Result<Running, BackupError> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| failed(self.name, error.to_string()))?;
        let lines = child.stderr.take().map(|stderr| BufReader::new(stderr).lines());
        Ok(Running { name: self.name, child, lines, said: Vec::new(), connection: connection.clone() })
    }
}

/// A program that runs, and the end of what it said.
pub(in crate::backup) struct Running {
    name: &'static str,
    child: Child,
    lines: Option<Lines<BufReader<ChildStderr>>>,
    said: Vec<String>,
    connection: Connection,
}

impl Running {
    /// Its process; `None` once it has ended.
    pub(in crate::backup) fn process(&self) -> Option<u32> {
        self.child.id()
    }

    /// Waits until it has ended. This may be given up, and begun again.
    pub(in crate::backup) async fn ended(&mut self, on_line: impl Fn(&str)) -> Result<(), BackupError> {
        if let Some(lines) = &mut self.lines {
            // What is not UTF-8 ends the reading, not the program.
            while let Ok(Some(line)) = lines.next_line().await {
                on_line(&line);
                self.said.push(line);
                if self.said.len() > LINES_KEPT {
                    self.said.remove(0);
                }
            }
        }
        let status = self.child.wait().await.map_err(|error| failed(self.name, error.to_string()))?;
        if status.success() {
            Ok(())
        } else {
            Err(failed(self.name, scrubbed(&self.said.join("; "), &self.connection)))
        }
    }
}

fn failed(program: &str, why: String) -> BackupError {
    BackupError::Program { program: program.to_owned(), why }
}

/// What a program said, without the password, should it ever be in there.
fn scrubbed(text: &str, connection: &Connection) -> String {
    match &connection.password {
        Some(password) if !password.expose_secret().is_empty() => {
            text.replace(password.expose_secret(), "***")
        }
        _ => text.to_owned(),
    }
}

/// The major version of a program, and its whole version; `None` when it cannot be run.
async fn version(path: &Path) -> Option<(u32, String)> {
    let output = Command::new(path).arg("--version").stdin(Stdio::null()).output().await.ok()?;
    if !output.status.success() {
        return None;
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split("(PostgreSQL)").nth(1)?.split_whitespace().next()?.to_owned();
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    Some((digits.parse().ok()?, version))
}
