//! PostgreSQL's programs, run as a user PostgreSQL accepts.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian keeps the programs of each version.
const DEBIAN_DIR: &str = "/usr/lib/postgresql";

/// The user servers run as when the tests run as root, whom PostgreSQL refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ServerUser {
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl ServerUser {
    /// `None` when the tests' own user will do.
    pub(super) fn find() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let users = std::fs::read_to_string("/etc/passwd").expect("read /etc/passwd");
        let fields: Vec<&str> = users
            .lines()
            .map(|line| line.split(':').collect::<Vec<_>>())
            .find(|fields| fields[0] == "postgres")
            .expect("as root, tests run PostgreSQL as the user `postgres`, who does not exist");
        Some(Self { uid: fields[2].parse().expect("uid"), gid: fields[3].parse().expect("gid") })
    }
}

/// A program of PostgreSQL, from `PG_BIN` or the newest version Debian has installed.
pub(super) fn program(name: &str) -> Command {
    Command::new(bin_dir().join(name))
}

/// The same program as the server's user. With `dies_with_parent`, the kernel sends it SIGQUIT, which
/// stops a server at once, when the thread that started it ends.
pub(super) fn program_as_server(name: &str, dies_with_parent: bool) -> Command {
    as_server(&bin_dir().join(name), dies_with_parent)
}

/// Any program as the server's user.
pub(super) fn as_server(program: &Path, dies_with_parent: bool) -> Command {
    let mut command = Command::new("setpriv");
    if let Some(user) = ServerUser::find() {
        command.arg(format!("--reuid={}", user.uid)).arg(format!("--regid={}", user.gid));
        command.arg("--clear-groups");
    }
    if dies_with_parent {
        command.arg("--pdeathsig=QUIT");
    }
    command.arg("--").arg(program).current_dir("/");
    command
}

/// Runs a command to its end and returns its output; panics with its errors when it fails.
pub(super) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {command:?}: {error}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn bin_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("PG_BIN") {
        return PathBuf::from(dir);
    }
    let versions = std::fs::read_dir(DEBIAN_DIR)
        .unwrap_or_else(|error| panic!("PostgreSQL is not installed ({DEBIAN_DIR}: {error}); set PG_BIN"));
    versions
        .filter_map(|entry| {
            let version: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let dir = PathBuf::from(DEBIAN_DIR).join(version.to_string()).join("bin");
            dir.join("initdb").exists().then_some((version, dir))
        })
        .max()
        .map(|(_, dir)| dir)
        .unwrap_or_else(|| panic!("no PostgreSQL server under {DEBIAN_DIR}; set PG_BIN"))
}
