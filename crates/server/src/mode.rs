//! What the service is willing to do right now.

use tokio::sync::watch;

/// The service's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Normal,
    /// Reading only: what would change something is refused before it is tried.
    ReadOnly,
    /// Finishing what has begun; no new claims.
    Draining,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Normal, Self::ReadOnly, Self::Draining];

    /// The name shown in `/health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::ReadOnly => "read_only",
            Self::Draining => "draining",
        }
    }
}

/// The one place where the mode is kept; clones see the same mode.
#[derive(Debug, Clone)]
pub struct ModeSwitch {
    current: watch::Sender<Mode>,
}

impl Default for ModeSwitch {
    fn default() -> Self {
        Self { current: watch::Sender::new(Mode::Normal) }
    }
}

impl ModeSwitch {
    /// The mode now.
    pub fn current(&self) -> Mode {
        *self.current.borrow()
    }

    /// Makes the service read-only, or ends that. A drain is not stopped by it.
    pub fn set_read_only(&self, read_only: bool) {
        let (from, to) =
            if read_only { (Mode::Normal, Mode::ReadOnly) } else { (Mode::ReadOnly, Mode::Normal) };
        let changed = self.current.send_if_modified(|mode| {
            let changes = *mode == from;
            if changes {
                *mode = to;
            }
            changes
        });
        if changed {
            tracing::warn!(mode = to.as_str(), "the service changed its mode");
        }
    }

    /// Begins the drain; there is no way back.
    pub fn drain(&self) {
        self.current.send_replace(Mode::Draining);
    }

    /// Returns once the drain has begun.
    pub async fn draining(&self) {
        // Cannot fail: `self` keeps the sender alive.
        let _ = self.current.subscribe().wait_for(|mode| *mode == Mode::Draining).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_only_comes_and_goes_and_a_drain_stays() {
        let mode = ModeSwitch::default();
        mode.set_read_only(false);
        assert_eq!(mode.current(), Mode::Normal);
        mode.set_read_only(true);
        assert_eq!(mode.current(), Mode::ReadOnly);
        mode.set_read_only(false);
        assert_eq!(mode.current(), Mode::Normal);
        mode.set_read_only(true);
        mode.drain();
        mode.set_read_only(false);
        assert_eq!(mode.current(), Mode::Draining);
        mode.set_read_only(true);
        assert_eq!(mode.current(), Mode::Draining);
    }
}
