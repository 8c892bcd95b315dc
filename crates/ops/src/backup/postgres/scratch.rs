//! A server of our own, on a copy or on data that lies still, that nobody else can reach.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use taskward_store::postgres as store;
use tokio::process::{Child, Command};

use super::{Connection, Program, ServerUser};
use crate::backup::BackupError;

/// How often a server that starts is asked whether it has.
const ASK_EVERY: Duration = Duration::from_millis(100);
/// How long a recovery may take: far more than any that somebody waits for.
const READY_WITHIN: Duration = Duration::from_secs(12 * 3600);
/// The same of data that lay still: as after a crash. What is asked of it is worth no more.
const ORIGINAL_READY_WITHIN: Duration = Duration::from_secs(600);
/// How long one that says that it takes connections may refuse ours. It may not have the role or the database, which cannot
/// be told from a server that is not up yet.
const ANSWERS_WITHIN: Duration = Duration::from_secs(30);
/// How long a stop may take until the server is killed.
const STOP_WITHIN: Duration = Duration::from_secs(300);

/// What a server is started on.
#[derive(Debug, Clone, Copy)]
pub(in crate::backup) enum Subject<'a> {
    /// A copy, which could be made again; with settings beside those that all have.
    Copy(&'a [(&'static str, String)]),
    /// The only one there is, of which nothing may be lost: it is only read.
    Original,
}

impl Subject<'_> {
    /// What the server is told beside what all are.
    fn settings(self) -> Vec<(&'static str, String)> {
        match self {
            Self::Copy(told) => {
                // Whoever keeps the data directory flushes it when the server has stopped, all of it at once.
                let own = [("archive_mode", "off".to_owned()), ("fsync", "off".to_owned())];
                [&own[..], told].concat()
            }
            Self::Original => {
                let own = [
                    ("default_transaction_read_only", "on"),
                    ("fsync", "on"),
                    // Of the log that is not archived yet nothing is removed, nor archived by this server.
                    ("archive_mode", "on"),
                    ("archive_command", ""),
                    // It would refuse to start with a slot that wants more.
                    ("wal_level", "logical"),
                    // What it may know of times of commits would be removed.
                    ("track_commit_timestamp", "on"),
                ];
                own.map(|(name, value)| (name, value.to_owned())).into()
            }
        }
    }

    /// How long the server may take until it can be asked.
    fn ready_within(self) -> Duration {
        match self {
            Self::Copy(_) => READY_WITHIN,
            Self::Original => ORIGINAL_READY_WITHIN,
        }
    }
}

/// A server on a socket in a directory that only its user may enter. It is killed when dropped.
pub(in crate::backup) struct Scratch {
    child: Child,
    place: Place,
    role: String,
    database: String,
}

/// The directory of the socket, the server's settings and its log; removed when dropped.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        // It is in the directory for temporary files.
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Scratch {
    /// Starts a server on a data directory, and waits until it has recovered. It connects as `role` to `database`.
    pub(in crate::backup) async fn start(
        program: &Program,
        data: &Path,
        user: ServerUser,
        (role, database): &(String, String),
        subject: Subject<'_>,
    ) -> Result<Self, BackupError> {
        let place = Place::make(user)?;
        let log = File::create(place.0.join("server.log"));
        let log = log.map_err(BackupError::io("cannot write", &place.0))?;
        let both = log.try_clone().map_err(BackupError::io("cannot write", &place.0))?;
        let mut command = Command::new(program.path());
        command.arg("-D").arg(data).current_dir("/").kill_on_drop(true);
        for (name, value) in settings(&place.0).iter().chain(&subject.settings()) {
            command.arg("-c").arg(format!("{name}={value}"));
        }
        command.stdin(Stdio::null()).stdout(log).stderr(both);
        user.apply(&mut command);
        let child = command.spawn().map_err(BackupError::io("cannot run", program.path()))?;
        let mut scratch = Self { child, place, role: role.clone(), database: database.clone() };
        if let Err(error) = scratch.ready(data, subject.ready_within()).await {
            // Dropped, it would be killed, and leave a crash to recover from.
            let _ = scratch.stop().await;
            return Err(error);
        }
        Ok(scratch)
    }

    /// How to reach it.
    pub(in crate::backup) fn connection(&self) -> Connection {
        let (role, socket) = (encoded(&self.role), self.place.0.display());
        let url = format!("postgres://{role}@/{}?host={socket}", encoded(&self.database));
        Connection::new(&url.into())
    }

    /// Stops it, so that everything is in the data directory. That of a copy is not flushed to the disk.
    pub(in crate::backup) async fn stop(mut self) -> Result<(), BackupError> {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // It may have ended by itself, which is noticed next.
            let _ = kill_process(pid, Signal::INT);
        }
        match tokio::time::timeout(STOP_WITHIN, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            _ => Err(self.failed("it did not stop")),
        }
    }

    async fn ready(&mut self, data: &Path, mut within: Duration) -> Result<(), BackupError> {
        let connection = self.connection();
        let begun = Instant::now();
        while begun.elapsed() < within {
            if matches!(self.child.try_wait(), Ok(Some(_)) | Err(_)) {
                return Err(self.failed("it ended"));
            }
            if self.is_up(data) {
                within = within.min(begun.elapsed() + ANSWERS_WITHIN);
            }
            match store::facts(connection.url()).await {
                Ok(_) => return Ok(()),
                Err(error) if error.is_transient() => tokio::time::sleep(ASK_EVERY).await,
                Err(error) => return Err(BackupError::store("the restored server")(error)),
            }
        }
        Err(self.failed("it does not become ready"))
    }

    /// Whether the server says that it takes connections, in the eighth line of `postmaster.pid`. The first is its process:
    /// the file may be left from another one.
    fn is_up(&self, data: &Path) -> bool {
        let text = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
        let mut lines = text.lines();
        let pid = lines.next().and_then(|pid| pid.trim().parse::<u32>().ok());
        pid.is_some() && pid == self.child.id() && lines.nth(6).is_some_and(|status| status.trim() == "ready")
    }

    fn failed(&self, what: &str) -> BackupError {
        let log = fs::read(self.place.0.join("server.log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<&str> = log.lines().collect();
        let end = lines[lines.len().saturating_sub(5)..].join("; ");
        BackupError::Program { program: "the restored server".to_owned(), why: format!("{what}: {end}") }
    }
}

impl Place {
    fn make(user: ServerUser) -> Result<Self, BackupError> {
        // A socket's path has to be short.
        let dir =
            std::env::temp_dir().join(format!("taskward-{}-{:08x}", std::process::id(), fastrand::u32(..)));
        user.make_dir(&dir)?;
        let place = Self(dir);
        for (name, text) in [("server.conf", ""), ("ident.conf", ""), ("hba.conf", "local all all trust\n")] {
            let path = place.0.join(name);
            // Readable by the server's user: only that user may enter the directory.
            fs::write(&path, text).map_err(BackupError::io("cannot write", &path))?;
        }
        Ok(place)
    }
}

/// What the original was told of its machine, files, helpers and the network does not hold here.
fn settings(place: &Path) -> Vec<(&'static str, String)> {
    let file = |name: &str| place.join(name).display().to_string();
    let text = ToOwned::to_owned;
    vec![
        ("config_file", file("server.conf")),
        ("hba_file", file("hba.conf")),
        ("ident_file", file("ident.conf")),
        ("listen_addresses", String::new()),
        ("port", text("5432")),
        ("unix_socket_directories", place.display().to_string()),
        ("external_pid_file", String::new()),
        ("shared_buffers", text("128MB")),
        ("max_connections", text("20")),
        ("ssl", text("off")),
        // Whoever can connect finds a server that has recovered, and takes writes.
        ("hot_standby", text("off")),
        ("autovacuum", text("off")),
        // A subscriber would go on with what it receives.
        ("max_logical_replication_workers", text("0")),
        ("logging_collector", text("off")),
        ("log_destination", text("stderr")),
        ("shared_preload_libraries", String::new()),
        ("synchronous_standby_names", String::new()),
    ]
}

fn encoded(name: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_-.".contains(&b);
    name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

/// Makes an empty cluster, whose superuser is `role`.
pub(in crate::backup) async fn init(
    program: &Program,
    data: &Path,
    user: ServerUser,
    role: &str,
) -> Result<(), BackupError> {
    user.make_dir(data)?;
    let mut command = Command::new(program.path());
    command.arg("--pgdata").arg(data).arg(format!("--username={role}")).current_dir("/");
    command.args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--no-locale"]).env("LC_ALL", "C");
    command.stdin(Stdio::null()).kill_on_drop(true);
    user.apply(&mut command);
    let output = command.output().await.map_err(BackupError::io("cannot run", program.path()))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().replace('\n', "; ");
    Err(BackupError::Program { program: "initdb".to_owned(), why })
}
