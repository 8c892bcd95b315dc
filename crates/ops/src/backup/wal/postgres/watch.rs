//! How far the archive is behind, whoever archives.

use std::time::Duration;

use taskward_config::{DatabaseTarget, WalMode};
use taskward_core::Timestamp;
use taskward_store::postgres::{WalSession, WalState};

use super::lag::Behind;
use super::segment::{Lsn, Segment};
use crate::backup::clock::age;
use crate::backup::postgres::Connection;
use crate::backup::{BackupError, BackupSettings};

/// How long the server may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// Looks at a server's log, and at what of it the archive has.
pub struct WalWatch {
    connection: Connection,
    database: String,
    slot: Option<String>,
    session: Option<WalSession>,
    behind: Behind,
    transactions: String,
    /// Where the server was when this looked first.
    begun: Option<Lsn>,
}

/// How the archive was, when it was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalReading {
    /// How long the oldest change that the archive does not have has been committed; zero when it has all.
    pub lag: Duration,
    /// How much log the server keeps for the archive, in bytes.
    pub held_bytes: u64,
    /// The file that the server fails to archive by its `archive_command`.
    pub failing: Option<String>,
}

impl WalWatch {
    /// For a PostgreSQL whose log is archived; `None` for everything else.
    pub fn new(settings: &BackupSettings) -> Option<Self> {
        let DatabaseTarget::Postgres(url) = &settings.database else { return None };
        let slot = match settings.wal {
            WalMode::Off => return None,
            WalMode::Stream => Some(settings.wal_slot.clone()),
            WalMode::Command => None,
        };
        Some(Self {
            connection: Connection::new(url),
            database: settings.database_name.clone(),
            slot,
            session: None,
            behind: Behind::default(),
            transactions: String::new(),
            begun: None,
        })
    }

    /// Looks.
    ///
    /// # Errors
    /// [`BackupError::Store`], [`BackupError::Program`] when the server does not answer. The next look connects again.
    pub async fn look(&mut self) -> Result<WalReading, BackupError> {
        let Ok(state) = tokio::time::timeout(ANSWER_WITHIN, self.state()).await else {
            self.session = None;
            let why = "it does not answer".to_owned();
            return Err(BackupError::Program { program: "the server".to_owned(), why });
        };
        let state = state.inspect_err(|_| self.session = None)?;
        let position: Lsn = state.position.parse().unwrap_or_default();
        let archived = match &self.slot {
            Some(_) => received(&state),
            None => handed_over(&state),
        };
        // Without a transaction that writes, what the server notes for itself is nothing to lose.
        if self.transactions != state.transactions {
            self.transactions.clone_from(&state.transactions);
            self.behind.looked(state.at, position);
        }
        self.behind.reached(archived);
        let held_bytes = match (&self.slot, &state.slot) {
            (Some(_), slot) => slot.as_ref().map_or(0, |slot| slot.held_bytes),
            (None, _) if state.archiver.mode == "off" => 0,
            // Where nothing was handed over yet, nobody knows how much waits; what came since then does.
            (None, _) => position.0.saturating_sub(archived.max(*self.begun.get_or_insert(position)).0),
        };
        let failing = if self.slot.is_none() { state.archiver.failing } else { None };
        Ok(WalReading { lag: self.lag(state.at), held_bytes, failing })
    }

    /// How far the archive is behind by now, as far as that was seen.
    pub fn lag(&self, now: Timestamp) -> Duration {
        self.behind.since().map_or(Duration::ZERO, |since| age(since, now))
    }

    async fn state(&mut self) -> Result<WalState, BackupError> {
        let failed = BackupError::store(&self.database);
        let session = match self.session.take() {
            Some(session) => session,
            None => WalSession::connect(self.connection.url()).await.map_err(&failed)?,
        };
        let state = session.state(self.slot.as_deref().unwrap_or_default()).await.map_err(&failed)?;
        self.session = Some(session);
        Ok(state)
    }
}

/// Up to where the log was received.
fn received(state: &WalState) -> Lsn {
    let slot = state.slot.as_ref();
    let position = slot.and_then(|slot| slot.flushed.as_ref().or(slot.restart.as_ref()));
    position.and_then(|position| position.parse().ok()).unwrap_or_default()
}

/// Up to where the server has handed its log over.
pub(super) fn handed_over(state: &WalState) -> Lsn {
    let last = state.archiver.last.as_ref().and_then(|name| name.get(..24)?.parse::<Segment>().ok());
    last.map_or(Lsn(0), |segment| segment.end(state.segment_bytes))
}
