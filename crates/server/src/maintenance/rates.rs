//! Rates of the last minute, from the counters the store keeps; the same on every instance.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taskward_api::QueueRates;
use taskward_store::QueueSummary;
use tokio::time::Instant;

use super::{Alarm, Pace, run_loop};
use crate::engine::Engine;

/// A sample is four statements on PostgreSQL, the most an idle service sends.
const PACE: Pace = Pace { gap: Duration::ZERO, idle: Duration::from_secs(10) };
/// The span of a rate.
const WINDOW: Duration = Duration::from_secs(60);
/// Rates over less than this are noise.
const WINDOW_MIN: Duration = Duration::from_secs(1);

/// Created, completed, dead; as counted since the queue's beginning.
type Totals = (u64, u64, u64);
type Sample = (Instant, HashMap<String, Totals>);

/// Samples of the counters over the last minute. Clones share them.
#[derive(Clone, Default)]
pub struct Rates(Arc<Mutex<VecDeque<Sample>>>);

pub(super) async fn run(engine: Engine, rates: Rates) {
    run_loop("rates", PACE, &Alarm::default(), || async {
        let queues = engine.store().queues().await?;
        rates.sample(&queues, Instant::now());
        Ok(None)
    })
    .await;
}

impl Rates {
    fn sample(&self, queues: &[QueueSummary], now: Instant) {
        let totals = queues.iter().map(|queue| (queue.name.clone(), totals(queue))).collect();
        let mut samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        samples.push_back((now, totals));
        while samples.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            samples.pop_front();
        }
    }

    /// The rates of a queue between the oldest sample and its totals now.
    pub fn of(&self, queue: &QueueSummary, now: Instant) -> Option<QueueRates> {
        let samples = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, before) = samples.front()?;
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
        rates.sample(&[queue(0)], start);
        let ten_later = start + Duration::from_secs(10);
        assert_eq!(rates.of(&queue(50), ten_later).expect("a rate").completed_per_second, 5.0);
        rates.sample(&[queue(50)], ten_later);
        rates.sample(&[queue(50)], start + Duration::from_secs(65));
        let later = start + Duration::from_secs(70);
        assert_eq!(rates.of(&queue(50), later).expect("a rate").completed_per_second, 0.0);
    }
}
