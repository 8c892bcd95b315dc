//! The archive of the database's log beside the running service, where `backup.wal` asks for it: of PostgreSQL's a process
//! of its own receives it, SQLite's is followed where it is written.

pub(super) mod postgres;
pub(super) mod sqlite;

const LAG: &str = "taskward_backup_wal_lag_seconds";
const ARCHIVED: &str = "taskward_backup_wal_archived_bytes_total";
const FAILURES: &str = "taskward_backup_wal_failures_total";
