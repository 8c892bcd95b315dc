//! (being written)
/// Being written.
pub struct SqliteStore;
