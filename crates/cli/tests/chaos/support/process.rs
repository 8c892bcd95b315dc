//! A process that dies with the test.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::within;

/// The binary under test.
pub(crate) const TASKWARD: &str = env!("CARGO_BIN_EXE_taskward");

/// Lines of a process's output that are shown when the test fails.
const LINES_SHOWN: usize = 40;

/// A running `taskward`. Dropping it kills it, and the kernel does when the test itself is killed.
///
/// Spawn it from the test's own thread: the kernel takes the end of the spawning thread for the parent's.
pub(crate) struct Process {
    child: Child,
    output: Output,
}

/// Where a process writes; several processes may share it, one after the other.
#[derive(Clone)]
pub(crate) struct Output {
    pub(crate) stdout: PathBuf,
    pub(crate) stderr: PathBuf,
}

impl Output {
    pub(crate) fn new(dir: &Path, name: &str) -> Self {
        Self { stdout: dir.join(format!("{name}.out")), stderr: dir.join(format!("{name}.err")) }
    }

    /// Everything written so far, stderr after stdout.
    pub(crate) fn text(&self) -> String {
        let read = |path: &Path| std::fs::read_to_string(path).unwrap_or_default();
        format!("{}{}", read(&self.stdout), read(&self.stderr))
    }
}

impl Process {
    /// Starts `taskward` with these arguments, and with nothing in its environment but `PATH` and `env`.
    pub(crate) fn start<A: AsRef<OsStr>>(
        args: &[A],
        env: &BTreeMap<String, String>,
        output: &Output,
    ) -> Self {
        let child = Command::new("setpriv")
            .args(["--pdeathsig=KILL", "--", TASKWARD])
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").expect("PATH"))
            .envs(env)
            .stdin(Stdio::null())
            .stdout(append(&output.stdout))
            .stderr(append(&output.stderr))
            .kill_on_drop(true)
            .spawn()
            .expect("run setpriv and taskward");
        Self { child, output: output.clone() }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        kill_process(pid.expect("the process has not ended"), signal).expect("signal the process");
    }

    /// SIGKILL, and waits until the process is gone.
    pub(crate) async fn kill9(&mut self) {
        self.child.kill().await.expect("kill the process");
    }

    /// The exit code of a process that ends by itself within `limit`.
    pub(crate) async fn exit_code(&mut self, limit: Duration) -> i32 {
        let status =
            within("the process ends", limit, self.child.wait()).await.expect("wait for the process");
        status.code().unwrap_or_else(|| panic!("the process ended with {status}"))
    }

    /// The exit code of a process that ends by itself within `limit`, or is killed.
    pub(crate) async fn exit_code_within(&mut self, limit: Duration) -> Option<i32> {
        match tokio::time::timeout(limit, self.child.wait()).await {
            Ok(status) => status.expect("wait for the process").code(),
            Err(_) => {
                self.kill9().await;
                None
            }
        }
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = self.output.text();
            let lines: Vec<&str> = text.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            eprintln!("--- the end of {}\n{}", self.output.stdout.display(), shown.join("\n"));
        }
    }
}

fn append(path: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(path).expect("open the process's output")
}
