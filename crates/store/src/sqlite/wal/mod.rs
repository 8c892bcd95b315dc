//! SQLite's log as somebody archives it who follows the writer.
//!
//! The log is the file beside the database that ends in `-wal`: page images, and after each transaction a mark that it was
//! committed; its format is described at <https://www.sqlite.org/walformat.html>. SQLite begins it anew once all of it is in the
//! database file. Here the writer alone moves it there, and only what was archived: see [`Follower`].
//!
//! The `-wal` file may be opened and closed at will. The database and its `-shm` file may not while this process has a
//! connection: closing them would end SQLite's locks.

mod checkpoint;
mod follower;
mod format;
mod replay;
mod tail;

pub(super) use checkpoint::Checkpoints;
pub use follower::{Commit, Follower, Taken};
pub use format::{Committed, Mark};
pub use replay::{Replay, finish};
pub use tail::{Fingerprint, Tail};
