//! How busy connections are.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How busy a store's connections are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PoolFigures {
    /// Connections there may be.
    pub max: usize,
    /// Connections that are open.
    pub open: usize,
    /// Those of them that somebody uses.
    pub in_use: usize,
    /// Calls that wait for one.
    pub waiting: usize,
    /// How often a call has waited for one and, mostly at once, got it or given up.
    pub acquired: u64,
    /// How long all of them together have waited; opening a connection is part of it.
    pub waited: Duration,
}

/// Counts waits for connections.
#[derive(Debug)]
pub(crate) struct Waits {
    count: AtomicU64,
    nanos: AtomicU64,
}

impl Waits {
    pub(crate) const fn new() -> Self {
        Self { count: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }

    /// A call has waited for this long.
    pub(crate) fn waited(&self, wait: Duration) {
        self.count.fetch_add(1, Ordering::Relaxed);
        // Hundreds of years fit.
        self.nanos.fetch_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    pub(crate) fn figures(&self, max: usize, open: usize, in_use: usize, waiting: usize) -> PoolFigures {
        let acquired = self.count.load(Ordering::Relaxed);
        let waited = Duration::from_nanos(self.nanos.load(Ordering::Relaxed));
        PoolFigures { max, open, in_use, waiting, acquired, waited }
    }
}
