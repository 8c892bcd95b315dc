//! What the service is willing to do right now.

use tokio::sync::watch;

/// The service's mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Everything.
    Normal,
    /// Finishing what has begun; no new claims.
    Draining,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Normal, Self::Draining];

    /// The name shown in `/health`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
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
