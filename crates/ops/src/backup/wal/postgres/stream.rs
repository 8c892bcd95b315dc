//! `taskward backup stream`: PostgreSQL's log, received as it is written.
//!
//! `pg_receivewal` does the receiving, through a replication slot: the server keeps what it has not got. This watches over
//! it, archives the segments it has closed, and writes down how far the log reaches.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskward_core::Timestamp;
use taskward_store::postgres::{WalSession, WalState};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::archive::Archive;
use super::incoming;
use super::lag::Behind;
use super::segment::{Lsn, Segment};
use super::tail::{Follower, Tail};
use crate::backup::engine::join;
use crate::backup::postgres::{Connection, Program, Running};
use crate::backup::{BackupError, BackupSettings, files};

/// How often is looked how far the log has come: the last moment that can be restored to is at most this and the time of a
/// commit ago.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// The same at the end, when somebody waits for what is on its way.
const LOOK_AT_END: Duration = Duration::from_millis(20);
/// How long the server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// How long the log may be behind without a byte that comes.
const STALLED_AFTER: Duration = Duration::from_secs(30);
/// How long is waited after a failure, at first and at most.
const WAIT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// Kinds of trouble that are remembered as told.
const TOLD_MAX: usize = 100;
/// Failures without a byte between them after which is looked whether the server has what is asked for.
const FAILURES_IN_VAIN: u32 = 2;
/// The file that whoever receives has locked.
const LOCK: &str = ".streaming";

/// What happens while the log is received.
#[derive(Debug)]
pub enum StreamEvent {
    /// It is received again, or for the first time.
    Streaming {
        /// The replication slot.
        slot: String,
        /// Whether it was made just now.
        made: bool,
    },
    /// A file of the log was archived.
    Archived {
        /// Its name.
        name: String,
        /// The room it takes, compressed.
        bytes: u64,
    },
    /// The server had given the slot up, which held back more than it may: the log has a gap. It was dropped, to be made anew.
    GaveUp {
        /// The replication slot.
        slot: String,
    },
    /// It is not received, or not archived; that is tried again. The same cause is told once.
    Interrupted(BackupError),
}

/// Hears of what happens.
pub type StreamListener = Arc<dyn Fn(StreamEvent) + Send + Sync>;

/// Receives the log of the configured database until this is dropped, or `stop` is cancelled. Goes on after every failure.
///
/// When it is stopped while it receives, it returns once everything is written down that the server had by then: what was
/// committed before can be restored to. How long that may take is up to the caller.
///
/// # Errors
/// [`BackupError::Locked`] when somebody else receives into this directory; [`BackupError::Destination`] when it cannot be
/// made; [`BackupError::Io`] when it cannot be looked into; [`BackupError::NoStream`] for a database that has no such log.
pub async fn stream(
    settings: &BackupSettings,
    listener: &StreamListener,
    stop: &CancellationToken,
) -> Result<(), BackupError> {
    let taskward_config::DatabaseTarget::Postgres(url) = &settings.database else {
        return Err(BackupError::NoStream(settings.database_name.clone()));
    };
    let archive = Archive::new(&settings.dir);
    let _lock = lock(&archive)?;
    let mut stream = Stream {
        settings,
        connection: Connection::new(url),
        archive,
        listener,
        stop,
        follower: Follower::default(),
        behind: Behind::default(),
        told: HashSet::new(),
        flushed: Lsn::default(),
        in_vain: 0,
    };
    let mut wait = WAIT.0;
    loop {
        let before = stream.flushed;
        let ended = stream.receive().await;
        (wait, stream.in_vain) =
            if stream.flushed == before { (wait, stream.in_vain + 1) } else { (WAIT.0, 0) };
        if let Err(error) = ended {
            stream.interrupted(error);
        }
        if stop.run_until_cancelled(tokio::time::sleep(wait)).await.is_none() {
            return Ok(());
        }
        wait = (wait * 2).min(WAIT.1);
    }
}

/// Takes the right to receive into the directory, until the returned file is closed or the process ends.
fn lock(archive: &Archive) -> Result<File, BackupError> {
    let incoming = archive.incoming();
    let refused =
        |error: std::io::Error| BackupError::Destination { dir: incoming.clone(), why: error.to_string() };
    files::make_dir(&incoming).map_err(refused)?;
    crate::backup::catalogue::lock(&archive.dir().join(LOCK), archive.dir())
}

struct Stream<'a> {
    settings: &'a BackupSettings,
    connection: Connection,
    archive: Archive,
    listener: &'a StreamListener,
    stop: &'a CancellationToken,
    follower: Follower,
    behind: Behind,
    /// What was told since it was received.
    told: HashSet<String>,
    /// Up to where everything was received, when that was last looked at.
    flushed: Lsn,
    /// Failures since then.
    in_vain: u32,
}

impl Stream<'_> {
    /// Receives until it is stopped, the connection ends, or something else goes wrong.
    async fn receive(&mut self) -> Result<(), BackupError> {
        self.keep_or_tell().await;
        let failed = BackupError::store(&self.settings.database_name);
        let session = WalSession::connect(self.connection.url()).await.map_err(&failed)?;
        let state = self.state(&session).await?;
        self.may_be_archived(&state)?;
        let slot = self.settings.wal_slot.clone();
        self.end_orphan(&session, &state).await?;
        let given_up = session.drop_lost_slot(&slot).await.map_err(&failed)?;
        if given_up {
            (self.listener)(StreamEvent::GaveUp { slot: slot.clone() });
        }
        let missing = given_up || state.slot.is_none();
        let made = missing && session.create_slot(&slot).await.map_err(&failed)?;
        // A server that was not to keep the log may have it nevertheless, so asking comes first.
        if given_up || self.in_vain >= FAILURES_IN_VAIN {
            self.leave_what_is_gone(self.state(&session).await?).await?;
        }
        if self.discard_unmade(&state).await? {
            self.keep_or_tell().await;
        }
        let mut receiver = self.start(state.major).await?;
        let (mut moved, mut announced) = (Instant::now(), false);
        loop {
            tokio::select! {
                ended = receiver.ended(|_| ()) => return ended,
                () = self.next_look() => {}
            }
            self.keep_or_tell().await;
            let state = self.state(&session).await?;
            let Some(flushed) = flushed(&state) else { continue };
            if !announced {
                announced = true;
                self.told.clear();
                (self.listener)(StreamEvent::Streaming { slot: slot.clone(), made });
            }
            if let Err(error) = self.write_down(&state, flushed).await {
                self.interrupted(error);
            }
            if flushed != self.flushed || self.behind.since().is_none() {
                (moved, self.flushed) = (Instant::now(), flushed);
            }
            if self.stop.is_cancelled() && self.behind.since().is_none() {
                return Ok(());
            }
            if moved.elapsed() > STALLED_AFTER {
                let why = format!("nothing comes although the server is at {}", state.position);
                return Err(BackupError::Program { program: "pg_receivewal".to_owned(), why });
            }
        }
    }

    /// Waits for the time to look how far the log has come: at once when it is to end.
    async fn next_look(&self) {
        if self.stop.is_cancelled() {
            tokio::time::sleep(LOOK_AT_END).await;
        } else {
            // Either way it is time.
            let _ = self.stop.run_until_cancelled(tokio::time::sleep(LOOK_EVERY)).await;
        }
    }

    /// Tells of trouble, once of each as long as nothing is received: a full disk has several.
    fn interrupted(&mut self, error: BackupError) {
        if self.told.len() >= TOLD_MAX {
            self.told.clear();
        }
        if self.told.insert(error.to_string()) {
            (self.listener)(StreamEvent::Interrupted(error));
        }
    }

    async fn state(&self, session: &WalSession) -> Result<WalState, BackupError> {
        let asked = session.state(&self.settings.wal_slot);
        match tokio::time::timeout(ANSWER_WITHIN, asked).await {
            Ok(state) => state.map_err(BackupError::store(&self.settings.database_name)),
            Err(_) => Err(BackupError::Program {
                program: "the server".to_owned(),
                why: "it does not answer".to_owned(),
            }),
        }
    }

    /// Whether this server's log belongs into this directory, and may be received.
    fn may_be_archived(&self, state: &WalState) -> Result<(), BackupError> {
        // One that cannot be read is written anew.
        let tail = Tail::read(&self.archive).unwrap_or_default();
        if let Some(tail) = tail.filter(|tail| tail.system != state.system) {
            let why =
                format!("the log there is of the cluster {}, the server is {}", tail.system, state.system);
            return Err(BackupError::LogDiffers { path: self.archive.dir().to_owned(), why });
        }
        let refused = |why: &str, fix: &str| {
            let database = self.settings.database_name.clone();
            Err(BackupError::Replication { database, why: why.to_owned(), fix: fix.to_owned() })
        };
        if state.is_standby {
            return refused(
                "it is a standby, and only a primary's log is archived",
                "SELECT pg_is_in_recovery()",
            );
        }
        if !state.may_replicate {
            return refused("the role may not replicate", "ALTER ROLE CURRENT_USER REPLICATION");
        }
        Ok(())
    }

    /// Ends a receiver of ours whose parent was killed: the lock says that nobody watches over it.
    async fn end_orphan(&self, session: &WalSession, state: &WalState) -> Result<(), BackupError> {
        let own = application(&self.archive);
        let orphan = state.slot.as_ref().filter(|slot| slot.application.as_ref() == Some(&own));
        let Some(pid) = orphan.and_then(|slot| slot.active_pid) else { return Ok(()) };
        session.end_sender(pid).await.map_err(BackupError::store(&self.settings.database_name))?;
        // Whatever it still writes is what the next one writes.
        while self.state(session).await?.slot.is_some_and(|slot| slot.active_pid == Some(pid)) {
            tokio::time::sleep(WAIT.0).await;
        }
        Ok(())
    }

    /// Archives what was received of a history that the server does not have any more, after a restore or when the slot was
    /// dropped: asking for what follows would fail for ever.
    async fn leave_what_is_gone(&mut self, state: WalState) -> Result<(), BackupError> {
        let Some((segment, _)) = self.archive.last_received() else { return Ok(()) };
        let start = segment.start(state.segment_bytes);
        let kept = state.slot.as_ref().and_then(|slot| slot.restart.as_ref()?.parse().ok());
        let kept = kept.map(|lsn| Segment::holding(state.timeline, lsn, state.segment_bytes));
        let is_kept = kept.is_some_and(|kept| kept.place() <= segment.place());
        let is_ahead = state.position.parse().is_ok_and(|position| start > position);
        if segment.timeline == state.timeline && is_kept && !is_ahead {
            return Ok(());
        }
        let archive = self.archive.clone();
        self.follower = Follower::default();
        join(spawn_blocking(move || incoming::leave(&archive))).await
    }

    /// No room for a segment does not stop what is received; it is tried again.
    async fn keep_or_tell(&mut self) {
        if let Err(error) = self.keep().await {
            self.interrupted(error);
        }
    }

    /// Removes what a disk without room has left of a segment.
    async fn discard_unmade(&self, state: &WalState) -> Result<bool, BackupError> {
        let (archive, bytes) = (self.archive.clone(), state.segment_bytes);
        join(spawn_blocking(move || incoming::discard_unmade(&archive, bytes))).await
    }

    /// Archives the segments that are closed, once it is written down how far the log reaches: from then on that this is
    /// missing is damage.
    async fn keep(&self) -> Result<(), BackupError> {
        if !Tail::is_there(&self.archive) {
            return Ok(());
        }
        let (archive, listener) = (self.archive.clone(), self.listener.clone());
        let archived =
            move |name: &str, bytes| listener(StreamEvent::Archived { name: name.to_owned(), bytes });
        join(spawn_blocking(move || incoming::keep(&archive, &archived))).await
    }

    /// Writes down how far the log reaches, and until when that is everything.
    async fn write_down(&mut self, state: &WalState, flushed: Lsn) -> Result<(), BackupError> {
        let position = state.position.parse().unwrap_or_default();
        self.behind.looked(state.at, position);
        let at = self.behind.reached(flushed);
        let (archive, mut follower) = (self.archive.clone(), std::mem::take(&mut self.follower));
        let (system, bytes) = (state.system.clone(), state.segment_bytes);
        let work = move || {
            let written = write_tail(&archive, &mut follower, (&system, bytes), (flushed, at));
            Ok((follower, written))
        };
        let (follower, written) = join(spawn_blocking(work)).await?;
        self.follower = follower;
        written
    }

    async fn start(&self, major: u32) -> Result<Running, BackupError> {
        let program = Program::find(self.settings.pg_bin.as_deref(), "pg_receivewal", major).await?;
        let mut command = program.command(&self.connection);
        command.env("PGAPPNAME", application(&self.archive));
        // Each part is flushed as it comes, and the server told so; a lost connection ends the program, so that we know.
        command.args(["--synchronous", "--status-interval=1", "--no-loop", "--no-password"]);
        command.arg(format!("--slot={}", self.settings.wal_slot));
        command.arg("--directory").arg(self.archive.incoming());
        command.arg(format!("--dbname={}", self.connection.without_password()));
        program.start(command, &self.connection)
    }
}

fn write_tail(
    archive: &Archive,
    follower: &mut Follower,
    cluster: (&str, u64),
    (flushed, at): (Lsn, Option<Timestamp>),
) -> Result<(), BackupError> {
    let before = Tail::read(archive).ok().flatten();
    let at = at.or(before.and_then(|tail| tail.at));
    match follower.tail(archive, cluster, flushed, at)? {
        Some(tail) => tail.write(archive),
        None => Ok(()),
    }
}

/// Up to where the receiver has everything on its disk; `None` when there is none just now.
fn flushed(state: &WalState) -> Option<Lsn> {
    state.slot.as_ref()?.flushed.as_ref()?.parse().ok()
}

/// What the receiver for a directory calls itself at the server: the same for whoever watches over it.
fn application(archive: &Archive) -> String {
    let dir: &Path = archive.dir();
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let host = rustix::system::uname();
    let named = format!("{}:{}", host.nodename().to_string_lossy(), dir.display());
    format!("taskward-wal-{}", &files::hash_bytes(named.as_bytes())[..16])
}
