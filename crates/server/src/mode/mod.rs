//! What the service is willing to do right now, and why.
//!
//! - `database.rs` watches the database: while it is away, or takes no writes, the service is read-only.
//! - `by_hand.rs` keeps what an operator said, over restarts too.
//!
//! Both are causes, and the service is read-only while there is one. When the last one has gone, workers are given
//! time first: nobody's lease has to end because they could not be heard.

pub mod by_hand;
mod database;
mod state;

pub use by_hand::{Maintenance, StateFile};
pub(crate) use database::watch_database;
pub use state::{Cause, Mode, ModeSwitch, Trouble};
