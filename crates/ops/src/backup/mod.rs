//! The chapter "backup": copies of the database, restoring them, and proving that this works.
//!
//! A backup is a directory named by the second it began in. It has files, a `manifest.json` that says what they
//! are copies of, and a `SHA256SUMS`. It is written under a partial name and renamed when all of it is on the disk,
//! so what has its final name is complete. A restore or a drill verifies a backup before it uses it, brings the
//! copy to life beside the live data, and compares what it then holds with the manifest.

mod catalogue;
mod check;
mod clock;
mod create;
mod drill;
mod engine;
mod error;
mod files;
mod manifest;
mod pgbackrest;
mod postgres;
mod prune;
mod restore;
mod retention;
mod settings;
mod verify;
mod wal;

pub use catalogue::{Catalogue, Listed, ListedState, Which, is_id};
pub use check::{Check, CheckReport, check};
pub use clock::Clock;
pub use create::{CreateOptions, Created, Plan, create, plan};
pub use drill::{DRILLS, DrillRecord, drill, history, last_passed};
pub use engine::Engine;
pub use error::{BackupError, FileFault, FileProblem};
pub use manifest::{FileEntry, Manifest, Position, Rows};
pub use pgbackrest::InRepository;
pub use prune::{PruneReport, Removed, prune};
pub use restore::{
    Again, Goal, PointPlan, RestoreOptions, RestorePlan, RestoreRecord, latest_record, plan_restore, restore,
};
pub use retention::Keep;
pub use settings::{BackupSettings, Listener, Progress};
pub use verify::{Verified, verify, verify_with_log};
pub use wal::{
    Archived, Base, DIRECTORY as LOG, Gap, LogEvent, LogListener, Points, StreamEvent, StreamListener,
    Unusable, WalReading, WalWatch, Window, archive_log, archive_wal, fetch_wal, points, stream,
};
