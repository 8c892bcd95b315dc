//! Silences: a rule goes on being watched and listed, and nobody is told. They are kept in memory: a restart ends
//! them, and so does their time.

use std::time::Duration;

use taskward_api::Silence;

use super::Alerts;

/// A rule of which nobody is told.
pub(super) struct Silenced {
    /// Since the service's start.
    pub(super) until: Duration,
    pub(super) reason: String,
}

impl Alerts {
    /// Tells nobody of a rule for a while; `None` when there is no such rule. Another silence replaces it.
    pub(crate) fn silence(&self, rule: &str, hold: Duration, reason: String) -> Option<Silence> {
        let mut board = self.board();
        let name = board.find(rule)?;
        let silenced = Silenced { until: self.now() + hold, reason };
        let silence = self.told_of(&silenced);
        board.silences.insert(name, silenced);
        drop(board);
        self.0.bell.notify_one();
        Some(silence)
    }

    /// Ends a rule's silence, if there is one; `None` when there is no such rule.
    pub(crate) fn unsilence(&self, rule: &str) -> Option<()> {
        let mut board = self.board();
        let name = board.find(rule)?;
        board.silences.remove(name);
        drop(board);
        self.0.bell.notify_one();
        Some(())
    }
}

impl Alerts {
    /// A silence as clients are told of it.
    pub(super) fn told_of(&self, silenced: &Silenced) -> Silence {
        Silence { until: self.at(silenced.until), reason: silenced.reason.clone() }
    }
}

impl super::Board {
    /// The rule of this name.
    fn find(&self, rule: &str) -> Option<&'static str> {
        self.watches.iter().map(|watch| watch.rule().name).find(|name| *name == rule)
    }
}
