//! Whether the server may be called: shut while it is away.
//!
//! A network that swallows what is sent leaves calls waiting for an answer for half a minute, and with them everything
//! that waits behind them. Whoever watches the server knows sooner, and shuts the gate.

use tokio::sync::watch;

use crate::StoreError;

/// The gate of a store. Clones are the same gate.
#[derive(Debug, Clone, Default)]
pub(super) struct Gate(watch::Sender<State>);

#[derive(Debug, Clone, Copy, Default)]
struct State {
    shut: bool,
    /// How often all connections were cut.
    cuts: u64,
}

impl Gate {
    /// Shuts it, which cuts every connection, or opens it.
    pub(super) fn set_shut(&self, shut: bool) {
        self.0.send_if_modified(|state| {
            let changes = state.shut != shut;
            state.shut = shut;
            state.cuts += u64::from(changes && shut);
            changes
        });
    }

    /// Cuts every connection there is. New ones may be opened at once.
    pub(super) fn cut(&self) {
        self.0.send_modify(|state| state.cuts += 1);
    }

    /// Whether calls are to fail at once.
    pub(super) fn is_shut(&self) -> bool {
        self.0.borrow().shut
    }

    /// Returns once it is shut.
    pub(super) async fn shut(&self) {
        // The sender is in `self`, so the wait ends only with what it waits for.
        let _ = self.0.subscribe().wait_for(|state| state.shut).await;
    }

    /// Returns once connections that are opened from now on are to be cut.
    pub(super) fn next_cut(&self) -> impl Future<Output = ()> + Send + use<> {
        let gate = self.clone();
        let cuts = gate.0.borrow().cuts;
        async move {
            let _ = gate.0.subscribe().wait_for(|state| state.cuts != cuts).await;
        }
    }
}

/// What calls fail with while the gate is shut.
pub(super) fn away() -> StoreError {
    StoreError::Unavailable("the server does not answer; this instance waits until it does".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shutting_cuts_once_and_opening_does_not() {
        let gate = Gate::default();
        let cut = gate.next_cut();
        gate.set_shut(true);
        cut.await;
        gate.shut().await;
        let later = gate.next_cut();
        gate.set_shut(true);
        gate.set_shut(false);
        assert!(!gate.is_shut());
        gate.cut();
        later.await;
    }
}
