//! A bound on what waits in memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::EngineError;

/// How many items, and how many bytes of them, wait for a commit. Clones share the bound.
#[derive(Clone)]
pub(crate) struct Budget(Arc<Inner>);

struct Inner {
    items_max: usize,
    bytes_max: usize,
    items: AtomicUsize,
    bytes: AtomicUsize,
}

/// So many items, of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// A part of the budget, given back when dropped.
pub(crate) struct Reserved {
    budget: Budget,
    items: usize,
    bytes: usize,
}

impl Budget {
    pub(crate) fn new(items_max: usize, bytes_max: usize) -> Self {
        Self(Arc::new(Inner { items_max, bytes_max, items: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }))
    }

    /// What is taken, and what may be.
    pub(super) fn load(&self) -> (Load, Load) {
        let (items, bytes) = (self.0.items.load(Ordering::Relaxed), self.0.bytes.load(Ordering::Relaxed));
        (Load { items, bytes }, Load { items: self.0.items_max, bytes: self.0.bytes_max })
    }

    /// Takes a part, or refuses. A request larger than the whole budget is let through when nothing else
    /// waits: its own limits have been checked, and it could never succeed otherwise.
    pub(crate) fn reserve(&self, items: usize, bytes: usize) -> Result<Reserved, EngineError> {
        let items_before = self.0.items.fetch_add(items, Ordering::Relaxed);
        let bytes_before = self.0.bytes.fetch_add(bytes, Ordering::Relaxed);
        let reserved = Reserved { budget: self.clone(), items, bytes };
        let over = items_before + items > self.0.items_max || bytes_before + bytes > self.0.bytes_max;
        if over && items_before > 0 { Err(EngineError::Overloaded) } else { Ok(reserved) }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.budget.0.items.fetch_sub(self.items, Ordering::Relaxed);
        self.budget.0.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_exceeds_either_bound_and_takes_it_back() {
        let budget = Budget::new(10, 100);
        let first = budget.reserve(8, 10).expect("fits");
        assert_eq!(budget.load(), (Load { items: 8, bytes: 10 }, Load { items: 10, bytes: 100 }));
        assert!(budget.reserve(3, 1).is_err());
        assert!(budget.reserve(1, 91).is_err());
        let second = budget.reserve(2, 90).expect("fits exactly");
        drop((first, second));
        assert!(budget.reserve(10, 100).is_ok());
    }

    #[test]
    fn one_large_request_alone_is_let_through() {
        let budget = Budget::new(10, 100);
        let large = budget.reserve(50, 1).expect("alone");
        assert!(budget.reserve(1, 1).is_err());
        drop(large);
        assert!(budget.reserve(1, 1).is_ok());
    }
}
