//! The rules of [`taskward_core::alert`], watched: looked at whenever there is something new to judge by, told to
//! whom the configuration names, listed for whoever asks.
//!
//! Everything here is beside the data plane: nothing waits for it, and what it keeps is bounded by the rules,
//! by the queues that have a label of their own, and by the notifications that may wait.

mod clock;
mod list;
mod notify;
mod readings;
mod run;
mod settings;
mod silence;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use taskward_core::alert::{Watch, rules};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::telemetry::history::History;
use notify::Outlets;
use silence::Silenced;

pub use settings::{AlertSettings, ChannelKind, ChannelSettings, HttpSettings, MailSecurity, MailSettings};

/// The alerts of this instance. Clones are the same ones.
#[derive(Clone)]
pub struct Alerts(Arc<Shared>);

struct Shared {
    settings: AlertSettings,
    /// What moments are counted from.
    started: Instant,
    /// The time of day then. Told moments are counted from it, so that they stay the same.
    started_at: Timestamp,
    board: Mutex<Board>,
    outlets: Outlets,
    /// Rung when a silence began or ended.
    bell: Notify,
}

/// What changes.
struct Board {
    watches: Vec<Watch>,
    silences: BTreeMap<&'static str, Silenced>,
}

impl Alerts {
    /// Rules that nobody has looked at yet.
    pub fn new(settings: AlertSettings) -> Self {
        let watches = rules(&settings.thresholds).into_iter().map(Watch::new).collect();
        let board = Board { watches, silences: BTreeMap::new() };
        let outlets = Outlets::new(&settings);
        let shared = Shared {
            settings,
            started: Instant::now(),
            started_at: clock::now(),
            board: Mutex::new(board),
            outlets,
            bell: Notify::new(),
        };
        Self(Arc::new(shared))
    }

    /// Starts watching, if the settings say so. Everything ends when the set is dropped. Whether the database answers
    /// is told by `database_up`, `None` until that is known.
    pub fn start(
        &self,
        history: &History,
        database_up: watch::Receiver<Option<bool>>,
        loops: &mut JoinSet<()>,
    ) {
        if self.0.settings.enabled {
            self.0.outlets.start(loops);
            loops.spawn(run::run(self.clone(), history.clone(), database_up));
        }
    }

    /// The time since the start, as the rules count it.
    fn now(&self) -> Duration {
        self.0.started.elapsed()
    }

    /// A moment as people are told it.
    fn at(&self, moment: Duration) -> Timestamp {
        self.0.started_at.checked_add(moment).unwrap_or(self.0.started_at)
    }

    /// Nobody panics while holding the lock, so what is behind a poisoned one is whole.
    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
