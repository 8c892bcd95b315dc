//! A clock that can be set earlier.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

/// The next moment a loop has something to do, as far as requests know. Clones share it.
#[derive(Clone, Default)]
pub struct Alarm(Arc<Inner>);

#[derive(Default)]
struct Inner {
    at: Mutex<Option<Instant>>,
    set_earlier: Notify,
}

impl Alarm {
    /// Makes sure that the loop runs at the latest after `wait`.
    pub fn ring_in(&self, wait: Duration) {
        let when = Instant::now() + wait;
        let mut at = self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
        if at.is_none_or(|at| when < at) {
            *at = Some(when);
            self.0.set_earlier.notify_one();
        }
    }

    /// Forgets the moment; before a round that will see everything that set it.
    pub(super) fn clear(&self) {
        *self.0.at.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Returns when the alarm is due, at the latest at `latest`.
    pub(super) async fn wait(&self, latest: Instant) {
        loop {
            let at = *self.0.at.lock().unwrap_or_else(PoisonError::into_inner);
            let due = at.map_or(latest, |at| at.min(latest));
            tokio::select! {
                () = tokio::time::sleep_until(due) => return,
                () = self.0.set_earlier.notified() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_earliest_moment_wins() {
        let alarm = Alarm::default();
        let start = Instant::now();
        alarm.ring_in(Duration::from_secs(5));
        alarm.ring_in(Duration::from_secs(2));
        alarm.ring_in(Duration::from_secs(9));
        alarm.wait(start + Duration::from_secs(60)).await;
        assert_eq!(start.elapsed().as_secs(), 2);
        alarm.clear();
        alarm.wait(start + Duration::from_secs(60)).await;
        assert_eq!(start.elapsed().as_secs(), 60);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_in_progress_is_cut_short() {
        let alarm = Alarm::default();
        let start = Instant::now();
        let ringer = alarm.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(1)).await;
            ringer.ring_in(Duration::from_secs(1));
        });
        alarm.wait(start + Duration::from_secs(60)).await;
        assert_eq!(start.elapsed().as_secs(), 2);
    }
}
