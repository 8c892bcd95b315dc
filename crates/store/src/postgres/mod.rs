//! (being written)
/// Being written.
pub struct PostgresStore;
