//! Data directories: one template for the machine, and a copy of it for each server.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, chown};
use std::path::{Path, PathBuf};
use std::process;
use std::time::Duration;

use tempfile::TempDir;

use super::USER;
use super::commands::{ServerUser, as_server, program_as_server, run};

/// Directories of servers are named with this and the number of the process that owns them.
const PREFIX: &str = "taskward-postgres-";

/// The directory of one server: its data, its socket and its log. Removed when dropped.
pub(super) struct ClusterDir {
    dir: TempDir,
}

impl ClusterDir {
    /// A fresh cluster.
    pub(super) fn from_template() -> Self {
        sweep();
        let template = template();
        let cluster = Self::empty();
        run(as_server(Path::new("cp"), false).arg("-a").arg(template).arg(cluster.data()));
        cluster
    }

    /// A data directory that somebody else has made, moved here.
    pub(super) fn adopting(data: &Path) -> Self {
        let cluster = Self::empty();
        fs::rename(data, cluster.data()).expect("move the data directory");
        cluster
    }

    /// A copy of the running server at this port, which follows it when it is started.
    pub(super) fn following(port: u16) -> Self {
        let cluster = Self::empty();
        run(program_as_server("pg_basebackup", false)
            .args(["--host=127.0.0.1", "--write-recovery-conf", "--wal-method=stream", "--checkpoint=fast"])
            .args(["--no-sync", &format!("--port={port}"), &format!("--username={USER}")])
            .arg("--pgdata")
            .arg(cluster.data()));
        cluster
    }

    /// A directory of the server's user, with nothing in it.
    fn empty() -> Self {
        let dir = tempfile::Builder::new()
            .prefix(&format!("{PREFIX}{}-", process::id()))
            .tempdir()
            .expect("make a directory for PostgreSQL");
        give_to_server(dir.path());
        Self { dir }
    }

    pub(super) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn log_path(&self) -> PathBuf {
        self.dir.path().join("server.log")
    }

    /// The log, to be appended to.
    pub(super) fn log_file(&self) -> File {
        File::options().create(true).append(true).open(self.log_path()).expect("open the server's log")
    }

    pub(super) fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    /// Writes the settings every test server has, and then the test's own, which win.
    pub(super) fn configure(&self, settings: &[(&str, &str)]) {
        let socket_dir = self.path().to_str().expect("a path in UTF-8");
        let ours = [
            ("listen_addresses", "127.0.0.1"),
            ("unix_socket_directories", socket_dir),
            ("shared_buffers", "64MB"),
            ("max_connections", "100"),
            ("log_line_prefix", "%m [%p] "),
        ];
        let lines: String = ours
            .iter()
            .chain(settings)
            .map(|(name, value)| format!("{name} = '{}'\n", value.replace('\'', "''")))
            .collect();
        let path = self.data().join("postgresql.auto.conf");
        fs::write(path, lines).expect("write the server's settings");
    }
}

/// The initialised data directory every server starts from, made by whoever needs it first.
fn template() -> PathBuf {
    let mine = rustix::process::geteuid().as_raw();
    let root = std::env::temp_dir().join(format!("taskward-testkit-{mine}"));
    fs::DirBuilder::new().recursive(true).mode(0o711).create(&root).expect("make the testkit's directory");
    let version = run(program_as_server("postgres", false).arg("--version"));
    let name = version.split_whitespace().nth(2).expect("a version").to_owned();
    let finished = root.join(format!("initdb-{name}"));
    // The lock is released when the file is closed, also if this process dies; a directory that is there
    // under its final name is complete, since it was renamed into place.
    let lock = File::create(root.join("lock")).expect("make the testkit's lock");
    lock.lock().expect("wait for the testkit's lock");
    if !finished.exists() {
        let parent = root.join(format!("unfinished-{}", process::id()));
        let _ = fs::remove_dir_all(&parent);
        fs::create_dir(&parent).expect("make a directory for initdb");
        give_to_server(&parent);
        let data = parent.join("data");
        run(program_as_server("initdb", false)
            .arg("--pgdata")
            .arg(&data)
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--no-locale", "--wal-segsize=1"])
            .arg(format!("--username={USER}")));
        fs::rename(&data, &finished).expect("put the template into place");
        let _ = fs::remove_dir(&parent);
    }
    finished
}

pub(super) fn give_to_server(dir: &Path) {
    if let Some(user) = ServerUser::find() {
        chown(dir, Some(user.uid), Some(user.gid)).expect("give a directory to PostgreSQL's user");
    }
}

/// Removes the directories of tests that were killed. Their servers were stopped by the kernel, a moment
/// ago perhaps, so a directory whose server still runs is left to the next sweep.
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let owner = path
            .file_name()
            .and_then(|name| name.to_str()?.strip_prefix(PREFIX)?.split('-').next()?.parse::<u32>().ok());
        let Some(owner) = owner else { continue };
        if !runs(owner) && !server_pid(&path.join("data")).is_some_and(runs) {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// The first line of `postmaster.pid` is the server's process.
pub(super) fn server_pid(data: &Path) -> Option<u32> {
    fs::read_to_string(data.join("postmaster.pid")).ok()?.lines().next()?.parse().ok()
}

/// Whether the server says that it accepts connections: the eighth line of `postmaster.pid`.
pub(super) fn is_ready(data: &Path, pid: u32) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else { return false };
    let mut lines = text.lines();
    lines.next() == Some(pid.to_string().as_str()) && lines.nth(6).is_some_and(|line| line.trim() == "ready")
}

fn runs(pid: u32) -> bool {
    Path::new("/proc").join(pid.to_string()).exists()
}

/// How long a server may take to start or stop; recovery after a crash included.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);
