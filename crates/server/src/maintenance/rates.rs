//! How queues stand and what happened to them in the last minute, from the counters the store keeps; the same
//! on every instance.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskward_api::QueueRates;
use taskward_store::QueueSummary;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Alarm, Pace, run_loop};
use crate::engine::Engine;

/// With what follows a sample it is less than the five seconds in which a fault is to be noticed.
const PACE: Pace = Pace { gap: Duration::ZERO, idle: Duration::from_secs(4) };
/// Where looking takes long, it is for at most this part of the time.
const SHARE: u32 = 10;
/// The span of a rate.
const WINDOW: Duration = Duration::from_secs(60);
/// Rates over less than this are noise.
const WINDOW_MIN: Duration = Duration::from_secs(1);
/// After so long without an answer nobody knows how queues stand.
const STALE: Duration = Duration::from_secs(30);

/// Created, completed, dead; as counted since the queue's beginning.
type Totals = (u64, u64, u64);
type Sample = (Instant, HashMap<String, Totals>);

/// Samples of the counters over the last minute, and the latest answer whole. Clones share them.
#[derive(Clone, Default)]
pub struct Rates(Arc<Inner>);

#[derive(Default)]
struct Inner {
    sampled: Mutex<Sampled>,
    taken: watch::Sender<()>,
}

#[derive(Default)]
struct Sampled {
    totals: VecDeque<Sample>,
    latest: Option<(Instant, Arc<[QueueSummary]>)>,
}

pub(super) async fn run(engine: Engine, rates: Rates) {
    run_loop("rates", PACE, &Alarm::default(), || async {
        let begun = Instant::now();
        let queues = engine.store().queues().await?;
        rates.sample(queues, Instant::now());
        let pause = begun.elapsed() * (SHARE - 1);
        tokio::time::sleep(pause.saturating_sub(PACE.idle)).await;
        Ok(None)
    })
    .await;
}

impl Rates {
    fn sample(&self, queues: Vec<QueueSummary>, now: Instant) {
        let totals = queues.iter().map(|queue| (queue.name.clone(), totals(queue))).collect();
        let mut sampled = self.sampled();
        sampled.totals.push_back((now, totals));
        while sampled.totals.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            sampled.totals.pop_front();
        }
        sampled.latest = Some((now, queues.into()));
        drop(sampled);
        self.0.taken.send_replace(());
    }

    /// Tells of each sample once it can be asked for.
    pub(crate) fn taken(&self) -> watch::Receiver<()> {
        self.0.taken.subscribe()
    }

    /// How queues stood when the store was last asked, some seconds ago; none when it has not answered for long.
    pub fn latest(&self, now: Instant) -> Arc<[QueueSummary]> {
        match &self.sampled().latest {
            Some((at, queues)) if now.duration_since(*at) <= STALE => Arc::clone(queues),
            _ => Arc::default(),
        }
    }

    /// The rates of a queue between the oldest sample and its totals now.
    pub fn of(&self, queue: &QueueSummary, now: Instant) -> Option<QueueRates> {
        let sampled = self.sampled();
        let (at, before) = sampled.totals.front()?;
        let span = now.duration_since(*at);
        if span < WINDOW_MIN {
            return None;
        }
        let before = before.get(&queue.name).copied().unwrap_or_default();
        let after = totals(queue);
        let per_second = |after: u64, before: u64| after.saturating_sub(before) as f64 / span.as_secs_f64();
        Some(QueueRates {
            created_per_second: per_second(after.0, before.0),
            completed_per_second: per_second(after.1, before.1),
            dead_per_second: per_second(after.2, before.2),
        })
    }

    fn sampled(&self) -> MutexGuard<'_, Sampled> {
        self.0.sampled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn totals(queue: &QueueSummary) -> Totals {
    (queue.created, queue.completed, queue.dead)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(completed: u64) -> QueueSummary {
        QueueSummary {
            name: "q".to_owned(),
            paused: false,
            scheduled: 0,
            available: 0,
            running: 0,
            completed,
            cancelled: 0,
            dead: 0,
            created: 0,
            oldest_available: None,
        }
    }

    #[test]
    fn a_rate_is_the_growth_over_the_window() {
        let rates = Rates::default();
        let start = Instant::now();
        assert_eq!(rates.of(&queue(5), start), None);
        rates.sample(vec![queue(0)], start);
        let ten_later = start + Duration::from_secs(10);
        assert_eq!(rates.of(&queue(50), ten_later).expect("a rate").completed_per_second, 5.0);
        rates.sample(vec![queue(50)], ten_later);
        rates.sample(vec![queue(50)], start + Duration::from_secs(65));
        let later = start + Duration::from_secs(70);
        assert_eq!(rates.of(&queue(50), later).expect("a rate").completed_per_second, 0.0);
    }

    #[test]
    fn how_queues_stand_is_not_told_when_it_is_old() {
        let rates = Rates::default();
        let start = Instant::now();
        assert!(rates.latest(start).is_empty());
        rates.sample(vec![queue(1)], start);
        assert_eq!(rates.latest(start + STALE).len(), 1);
        assert!(rates.latest(start + 2 * STALE).is_empty());
    }
}
