//! The programs of PostgreSQL, each behind a script that writes down what it is called with: everybody on a machine can read
//! a process's arguments.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::Said;

/// Where Debian keeps the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// A directory of such scripts, for `backup.pg_bin`.
pub(super) struct Programs {
    dir: PathBuf,
}

impl Programs {
    /// Scripts for the programs of the version that the tests' server is of, in a directory.
    pub(super) fn in_dir(dir: &Path) -> Self {
        let programs = Self { dir: dir.to_owned() };
        fs::create_dir(dir).expect("a directory for programs");
        fs::write(programs.called(), "").expect("nothing was called");
        // A restored server's programs run as PostgreSQL's own user.
        fs::set_permissions(programs.called(), Permissions::from_mode(0o666)).expect("its mode");
        for program in fs::read_dir(installed()).expect("PostgreSQL's programs") {
            let path = program.expect("a program").path();
            let (shown, called) = (path.display(), programs.called().display().to_string());
            let script =
                format!("#!/bin/sh\nprintf '%s\\n' \"{shown} $*\" >> '{called}'\nexec '{shown}' \"$@\"\n");
            let own = dir.join(path.file_name().expect("a name"));
            fs::write(&own, script).expect("written");
            fs::set_permissions(&own, Permissions::from_mode(0o755)).expect("its mode");
        }
        programs
    }

    /// Adds what was called with which arguments, and those of everything that runs now.
    pub(super) fn add(&self, said: &mut Said) {
        said.add("arguments of programs", fs::read_to_string(self.called()).expect("what was called"));
        add_processes(said);
    }

    /// Whether a program was called, for more than its version.
    pub(super) fn have_called(&self, program: &str) -> bool {
        let called = fs::read_to_string(self.called()).expect("what was called");
        let own = format!("/{program} ");
        called.lines().any(|line| line.contains(&own) && !line.ends_with(" --version"))
    }

    fn called(&self) -> PathBuf {
        self.dir.join("called")
    }
}

/// Adds the arguments of everything that runs now.
pub(super) fn add_processes(said: &mut Said) {
    for process in fs::read_dir("/proc").expect("processes").filter_map(Result::ok) {
        let Ok(words) = fs::read(process.path().join("cmdline")) else { continue };
        said.add(process.path().display().to_string(), String::from_utf8_lossy(&words).replace('\0', " "));
    }
}

/// The newest version that is installed, which is the one of the tests' server.
fn installed() -> PathBuf {
    let versions = fs::read_dir(DEBIAN).expect("PostgreSQL is installed").filter_map(Result::ok);
    let version = versions.filter_map(|it| it.file_name().to_str()?.parse::<u32>().ok()).max();
    Path::new(DEBIAN).join(version.expect("a version").to_string()).join("bin")
}
