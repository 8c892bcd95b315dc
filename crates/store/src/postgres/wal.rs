//! What archiving has to know of the server's log.

use taskward_core::Timestamp;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Row};

use super::facts::patient;
use crate::StoreError;

/// A session that looks at the log of a server.
pub struct WalSession(Client);

/// The log of a server, at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalState {
    /// The moment, by the server's clock: what was committed before is at or before `position`.
    pub at: Timestamp,
    /// The server's major version.
    pub major: u32,
    /// Which cluster this is.
    pub system: String,
    /// Whether it is a standby, which archives nothing.
    pub is_standby: bool,
    /// The timeline it writes to.
    pub timeline: u32,
    /// The size of its segments.
    pub segment_bytes: u64,
    /// Up to where the log is on the server's disk, as `0/15244A8`.
    pub position: String,
    /// Which transactions that write have ended, in words: the same as long as none does.
    pub transactions: String,
    /// The replication slot; `None` when there is none of that name.
    pub slot: Option<WalSlot>,
    /// Whether the role may use one.
    pub may_replicate: bool,
    /// How the server hands its log over by itself.
    pub archiver: WalArchiver,
    /// `max_slot_wal_keep_size`, in bytes; `None` when a slot may hold back without bound.
    pub slot_keeps_max: Option<u64>,
}

/// A physical replication slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalSlot {
    /// The server's process that serves whoever uses it now.
    pub active_pid: Option<i32>,
    /// What whoever uses it calls itself.
    pub application: Option<String>,
    /// Up to where that has everything on its disk.
    pub flushed: Option<String>,
    /// From where on the server keeps its log; `None` when it keeps nothing any more.
    pub restart: Option<String>,
    /// `reserved`, `extended`, `unreserved` or `lost`.
    pub status: Option<String>,
    /// How much log the server keeps because of it, in bytes.
    pub held_bytes: u64,
}

/// What the server's own archiving is set to, and how it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WalArchiver {
    /// `archive_mode`.
    pub mode: String,
    /// `archive_command`.
    pub command: String,
    /// `archive_timeout`, in seconds; zero when a segment is archived only when it is full.
    pub timeout_seconds: u64,
    /// The last file that was archived.
    pub last: Option<String>,
    /// Whether the last try failed, and with which file.
    pub failing: Option<String>,
}

const STATE: &str = "SELECT now(), current_setting('server_version_num')::integer / 10000,
    (SELECT system_identifier::text FROM pg_control_system()),
    pg_is_in_recovery(),
    (SELECT timeline_id FROM pg_control_checkpoint()),
    pg_size_bytes(current_setting('wal_segment_size')),
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END::text,
    CASE WHEN pg_is_in_recovery() THEN NULL ELSE left(pg_walfile_name(pg_current_wal_flush_lsn()), 8) END,
    txid_current_snapshot()::text,
    (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user),
    current_setting('archive_mode'), current_setting('archive_command'),
    (SELECT setting::bigint FROM pg_settings WHERE name = 'archive_timeout'),
    (SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size'),
    archiver.last_archived_wal,
    CASE WHEN archiver.last_failed_time > coalesce(archiver.last_archived_time, '-infinity')
        THEN archiver.last_failed_wal END
    FROM pg_stat_archiver archiver";

const SLOT: &str = "SELECT slot.active_pid, sender.application_name, sender.flush_lsn::text,
    slot.restart_lsn::text, slot.wal_status,
    coalesce(CASE WHEN pg_is_in_recovery() THEN 0
        ELSE pg_wal_lsn_diff(pg_current_wal_lsn(), slot.restart_lsn) END, 0)::bigint
    FROM pg_replication_slots slot LEFT JOIN pg_stat_replication sender ON sender.pid = slot.active_pid
    WHERE slot.slot_name = $1 AND slot.slot_type = 'physical'";

/// The server decides, not what was seen before: a slot that still holds something is left alone.
const DROP_LOST_SLOT: &str = "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots
    WHERE slot_name = $1 AND slot_type = 'physical' AND wal_status = 'lost' AND NOT active";

impl WalSession {
    /// Connects.
    ///
    /// # Errors
    /// As [`super::PostgresStore::connect`].
    pub async fn connect(url: &str) -> Result<Self, StoreError> {
        Ok(Self(patient(url).await?))
    }

    /// Looks at the log, and at the slot of this name.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] and the like when the session has ended.
    pub async fn state(&self, slot: &str) -> Result<WalState, StoreError> {
        let row = self.0.query_one(STATE, &[]).await?;
        let slot = self.0.query_opt(SLOT, &[&slot]).await?;
        state(&row, slot.as_ref())
    }

    /// Makes a physical slot that holds the log back from now on. Answers whether it was made: one of that name may be
    /// there.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when the role may not, or the server has no room for one.
    pub async fn create_slot(&self, name: &str) -> Result<bool, StoreError> {
        match self.0.query_one("SELECT pg_create_physical_replication_slot($1, true)", &[&name]).await {
            Err(error) if error.code() == Some(&SqlState::DUPLICATE_OBJECT) => Ok(false),
            made => made.map(|_| true).map_err(StoreError::from),
        }
    }

    /// Drops a slot that the server has given up: it holds nothing back any more. Answers whether there was one.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when the role may not.
    pub async fn drop_lost_slot(&self, name: &str) -> Result<bool, StoreError> {
        Ok(self.0.execute(DROP_LOST_SLOT, &[&name]).await? > 0)
    }

    /// Ends the server's process that serves a receiver of the log.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] when it is another role's.
    pub async fn end_sender(&self, pid: i32) -> Result<(), StoreError> {
        Ok(self.0.execute("SELECT pg_terminate_backend($1)", &[&pid]).await.map(drop)?)
    }
}

fn state(row: &Row, slot: Option<&Row>) -> Result<WalState, StoreError> {
    let number = |at: usize| Ok::<_, StoreError>(row.try_get::<_, i64>(at)?.unsigned_abs());
    let timeline = match row.try_get::<_, Option<String>>(7)? {
        Some(digits) => u32::from_str_radix(&digits, 16).unwrap_or_default(),
        None => row.try_get::<_, i32>(4)?.unsigned_abs(),
    };
    // In mebibytes; -1 is without bound.
    let keeps: i64 = row.try_get(13)?;
    Ok(WalState {
        at: row.try_get(0)?,
        major: row.try_get::<_, i32>(1)?.unsigned_abs(),
        system: row.try_get(2)?,
        is_standby: row.try_get(3)?,
        timeline,
        segment_bytes: number(5)?,
        position: row.try_get::<_, Option<String>>(6)?.unwrap_or_default(),
        transactions: row.try_get(8)?,
        may_replicate: row.try_get(9)?,
        slot: slot.map(slot_of).transpose()?,
        archiver: WalArchiver {
            mode: row.try_get(10)?,
            command: row.try_get(11)?,
            timeout_seconds: number(12)?,
            last: row.try_get(14)?,
            failing: row.try_get(15)?,
        },
        slot_keeps_max: u64::try_from(keeps).ok().map(|mebibytes| mebibytes << 20),
    })
}

fn slot_of(row: &Row) -> Result<WalSlot, StoreError> {
    Ok(WalSlot {
        active_pid: row.try_get(0)?,
        application: row.try_get(1)?,
        flushed: row.try_get(2)?,
        restart: row.try_get(3)?,
        status: row.try_get(4)?,
        held_bytes: row.try_get::<_, i64>(5)?.unsigned_abs(),
    })
}
