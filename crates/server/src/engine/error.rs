//! Why the engine did not do something.

use std::sync::Arc;

use taskward_store::StoreError;

use crate::mode::Cause;

/// A call that did not happen, as a whole.
#[derive(Debug, Clone, thiserror::Error)]
pub enum EngineError {
    /// Too much waits in memory already; nothing was changed.
    #[error("too much is waiting for a commit")]
    Overloaded,
    /// The service is shutting down.
    #[error("the service is shutting down")]
    Draining,
    /// The service takes no writes for now.
    #[error("the service is read-only: {0}")]
    ReadOnly(Cause),
    /// The store failed. Shared, because one transaction serves many requests.
    #[error("the store failed")]
    Store(#[from] Arc<StoreError>),
}
