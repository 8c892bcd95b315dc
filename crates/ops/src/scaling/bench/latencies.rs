//! Latencies, kept in HDR histograms: microseconds, with three significant digits.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart: ten minutes. Longer ones count as this.
const MICROSECONDS_MAX: u64 = 600 * 1_000_000;

/// Latencies of one kind.
#[derive(Debug, Clone)]
pub(super) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(super) fn new() -> Self {
        match Histogram::new_with_max(MICROSECONDS_MAX, 3) {
            Ok(histogram) => Self(histogram),
            // These bounds are constants that the histogram takes.
            Err(error) => unreachable!("a histogram that cannot be made: {error}"),
        }
    }

    pub(super) fn record(&mut self, latency: Duration) {
        let microseconds = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.saturating_record(microseconds);
    }

    fn merge(&mut self, other: &Self) {
        // It only fails for values beyond the bounds, which are the same for all.
        let _ = self.0.add(&other.0);
    }

    /// Those of several slots.
    pub(super) fn of_all<'a>(slots: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all = Self::new();
        slots.into_iter().for_each(|slot| all.merge(slot));
        all
    }

    /// The percentiles; `None` when nothing was recorded.
    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        let at = |quantile| milliseconds(self.0.value_at_quantile(quantile));
        (!self.0.is_empty()).then(|| Percentiles {
            count: self.0.len(),
            p50_ms: at(0.5),
            p90_ms: at(0.9),
            p99_ms: at(0.99),
            p999_ms: at(0.999),
            max_ms: milliseconds(self.0.max()),
        })
    }
}

fn milliseconds(microseconds: u64) -> f64 {
    Duration::from_micros(microseconds).as_secs_f64() * 1e3
}

/// A distribution of latencies.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Percentiles {
    /// How many there are.
    pub count: u64,
    /// Half of them were at most this.
    pub p50_ms: f64,
    /// 90 of 100.
    pub p90_ms: f64,
    /// 99 of 100.
    pub p99_ms: f64,
    /// 999 of 1000.
    pub p999_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_all_parts() {
        let (mut low, mut high) = (Latencies::new(), Latencies::new());
        assert_eq!(low.percentiles(), None);
        (1..=900).for_each(|ms| low.record(Duration::from_millis(ms)));
        (901..=1000).for_each(|ms| high.record(Duration::from_millis(ms)));
        let all = Latencies::of_all([&low, &high]).percentiles().expect("recorded");
        let near = |value: f64, expected: f64| (value - expected).abs() <= expected / 1000.0;
        assert_eq!(all.count, 1000);
        assert!(near(all.p50_ms, 500.0) && near(all.p90_ms, 900.0) && near(all.p99_ms, 990.0), "{all:?}");
        assert!(near(all.p999_ms, 999.0) && near(all.max_ms, 1000.0), "{all:?}");
    }

    #[test]
    fn too_long_a_latency_is_not_lost() {
        let mut latencies = Latencies::new();
        latencies.record(Duration::from_secs(3600));
        let kept = latencies.percentiles().expect("recorded");
        assert!(kept.count == 1 && kept.max_ms >= 600_000.0, "{kept:?}");
    }
}
