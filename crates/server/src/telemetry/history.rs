//! The last six hours of the metrics that signals are made of, in this process: what alerts are judged by and
//! summaries are made of, with no Prometheus needed.
//!
//! A sample is taken whenever the queues were looked at, and at the latest after `INTERVAL`. All samples of the last
//! quarter of an hour are kept, of the last hour one in 15 s, and before that one in a minute: that is what the
//! questions are worth that reach so far. So there are some 700 of them, of 8 bytes a number: 2 MB for a service with
//! ten queues, 16 MB with the 200 that have a label of their own.
//!
//! Questions name a metric and labels that must match; series that match are summed. Labels that are not kept
//! (see `tracked.rs`) are summed away when a sample is taken, the label `status` is kept as its class, `5xx`, and
//! `route` as its `pace`: `waiting` where callers may ask to wait, so that the time says nothing, else `prompt`.
//! `None` means that there is no sample to answer from, which is never the same as nought.

mod kept;
mod observed;
mod steps;
mod tracked;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::{Collector, Sample, Value};
use kept::{Kept, Series};
pub use observed::Observed;
use observed::add;
pub use steps::Steps;
use tracked::{TRACKED, Tracked, kept_labels};

/// The time between two samples, at most. With what follows a sample it is less than the five seconds in which a fault
/// is to be noticed.
const INTERVAL: Duration = Duration::from_millis(4500);

/// The samples. Clones share them.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    kept: Mutex<Kept>,
    taken: watch::Sender<u64>,
}

impl History {
    /// An empty history of a process that begins to count now.
    pub fn new(now: Instant) -> Self {
        Self(Arc::new(Inner { kept: Mutex::new(Kept::new(now)), taken: watch::Sender::new(0) }))
    }

    /// Takes a sample.
    pub fn record(&self, samples: &[Sample], now: Instant) {
        let mut summed: BTreeMap<Series, (&'static Tracked, Vec<f64>)> = BTreeMap::new();
        for sample in samples {
            let Some(tracked) = TRACKED.iter().find(|tracked| tracked.name == sample.metric.name) else {
                continue;
            };
            let row = match &sample.value {
                Value::Number(number) => vec![*number],
                Value::Buckets { counts, sum } => {
                    counts.iter().map(|count| *count as f64).chain([*sum]).collect()
                }
            };
            let series = Series { name: tracked.name, labels: kept_labels(tracked, sample) };
            match summed.entry(series) {
                Entry::Vacant(entry) => {
                    entry.insert((tracked, row));
                }
                Entry::Occupied(mut entry) => add(&mut entry.get_mut().1, &row),
            }
        }
        self.kept().push(summed, now);
        self.0.taken.send_modify(|taken| *taken += 1);
    }

    /// Tells of each sample once it can be asked for.
    pub fn taken(&self) -> watch::Receiver<u64> {
        self.0.taken.subscribe()
    }

    /// The latest value.
    pub fn latest(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let kept = self.kept();
        kept.matching(name, labels).filter_map(|(_, rows)| rows.last().map(|row| row[0])).reduce(|a, b| a + b)
    }

    /// The latest values, by the value of one more label.
    pub fn latest_by(&self, name: &str, labels: &[(&str, &str)], by: &str) -> Vec<(String, f64)> {
        let kept = self.kept();
        let latest = kept.matching(name, labels).filter_map(|(series, rows)| Some((series, rows.last()?[0])));
        by_label(latest, by)
    }

    /// How much a counter has grown within the window, or how much a histogram has observed. Nothing that
    /// happened is a `Some(0.0)` of a series that exists; a series that never was is `None`.
    pub fn increase(&self, name: &str, labels: &[(&str, &str)], window: Duration) -> Option<f64> {
        let kept = self.kept();
        let from = kept.from(window)?;
        kept.matching(name, labels).filter_map(|(_, rows)| rows.grown(from)).reduce(|a, b| a + b)
    }

    /// The same, by the value of one more label.
    pub fn increase_by(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        by: &str,
        window: Duration,
    ) -> Vec<(String, f64)> {
        let kept = self.kept();
        let Some(from) = kept.from(window) else { return Vec::new() };
        by_label(
            kept.matching(name, labels).filter_map(|(series, rows)| Some((series, rows.grown(from)?))),
            by,
        )
    }

    /// What a histogram observed within the window; `None` when that is nothing.
    pub fn observed(&self, name: &str, labels: &[(&str, &str)], window: Duration) -> Option<Observed> {
        let kept = self.kept();
        let from = kept.from(window)?;
        let mut all: Option<(&'static [f64], Vec<f64>)> = None;
        for (_, rows) in kept.matching(name, labels) {
            let Some(increase) = rows.increase(from) else { continue };
            match &mut all {
                None => all = Some((rows.bounds, increase)),
                Some((_, sum)) => add(sum, &increase),
            }
        }
        let (bounds, mut counts) = all.filter(|(bounds, _)| !bounds.is_empty())?;
        let sum = counts.pop()?;
        let observed = Observed { bounds, counts, sum };
        (observed.count() > 0.0).then_some(observed)
    }

    /// The value that a share of `q` (0 to 1) of what a histogram observed within the window does not exceed;
    /// `None` when it observed nothing.
    pub fn quantile(&self, q: f64, name: &str, labels: &[(&str, &str)], window: Duration) -> Option<f64> {
        self.observed(name, labels, window).map(|observed| observed.quantile(q))
    }

    /// The time that answers about this window really cover: less than the window while the process is young.
    pub fn span(&self, window: Duration) -> Option<Duration> {
        let kept = self.kept();
        let latest = kept.times.back()?;
        let begin = match kept.from(window)? {
            0 => kept.began,
            from => kept.times[from - 1],
        };
        Some(latest.duration_since(begin)).filter(|span| !span.is_zero())
    }

    /// Nobody panics while holding the lock, so what is behind a poisoned one is whole.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes samples for ever: right after the queues were looked at, so that nothing is judged by old figures, and at the
/// latest after `INTERVAL`, whatever the database does.
pub async fn sample(collector: Arc<Collector>, history: History) {
    let mut queues_seen = collector.queues_seen();
    loop {
        let taking = Arc::clone(&collector);
        match tokio::task::spawn_blocking(move || taking.samples()).await {
            Ok(samples) => history.record(samples.as_slice(), Instant::now()),
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a sample of the metrics failed");
            }
        }
        // The sender lives as long as the collector.
        let _ = tokio::time::timeout(INTERVAL, queues_seen.changed()).await;
    }
}

fn by_label<'a>(values: impl Iterator<Item = (&'a Series, f64)>, by: &str) -> Vec<(String, f64)> {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for (series, value) in values {
        if let Some((_, label)) = series.labels.iter().find(|(name, _)| *name == by) {
            *sums.entry(label).or_default() += value;
        }
    }
    sums.into_iter().map(|(label, sum)| (label.to_owned(), sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::kept::{KEPT, SAMPLES_MAX};
    use super::*;
    use crate::telemetry::metrics::{Kind, Samples, metric};

    const MINUTE: Duration = Duration::from_secs(60);
    const HTTP: &str = "taskward_http_request_duration_seconds";

    fn number(samples: &mut Samples, name: &str, labels: &[(&'static str, &str)], value: f64) {
        samples.add(name, labels, value);
    }

    /// Observations of so many requests, all in the bucket of this bound.
    fn requests(samples: &mut Samples, status: &str, bound: f64, count: u64) {
        let metric = metric(HTTP).expect("described");
        let Kind::Histogram(bounds) = metric.kind else { panic!("a histogram") };
        let mut counts = vec![0; bounds.len() + 1];
        counts[bounds.partition_point(|other| *other < bound)] = count;
        let labels =
            vec![("method", "GET".to_owned()), ("route", "/r".to_owned()), ("status", status.to_owned())];
        let value = Value::Buckets { counts, sum: bound * count as f64 };
        samples.push(Sample { metric, labels, value });
    }

    fn record(history: &History, at: Instant, fill: impl FnOnce(&mut Samples)) {
        let mut samples = Samples::default();
        fill(&mut samples);
        history.record(samples.as_slice(), at);
    }

    #[test]
    fn without_samples_there_is_no_answer() {
        let history = History::new(Instant::now());
        assert_eq!(history.latest("process_open_fds", &[]), None);
        assert_eq!(history.increase("taskward_tasks_created_total", &[], MINUTE), None);
        assert_eq!(history.quantile(0.95, HTTP, &[], MINUTE), None);
        assert_eq!(history.span(MINUTE), None);
        record(&history, Instant::now(), |samples| number(samples, "process_open_fds", &[], 7.0));
        assert_eq!(history.latest("process_open_fds", &[]), Some(7.0));
        assert_eq!(history.latest("process_max_fds", &[]), None);
    }

    #[test]
    fn counters_of_ours_begin_at_nought_and_the_machines_where_they_are_found() {
        let start = Instant::now();
        let history = History::new(start);
        for (after, ours, machines) in [(5, 10.0, 1000.0), (10, 30.0, 1500.0)] {
            record(&history, start + Duration::from_secs(after), |samples| {
                number(samples, "taskward_tasks_created_total", &[("queue", "a")], ours);
                number(samples, "taskward_tasks_created_total", &[("queue", "b")], 1.0);
                number(samples, "taskward_host_cpu_seconds_total", &[("mode", "user")], machines);
            });
        }
        assert_eq!(history.increase("taskward_tasks_created_total", &[], MINUTE), Some(31.0));
        assert_eq!(history.span(MINUTE), Some(Duration::from_secs(10)));
        assert_eq!(history.increase("taskward_tasks_created_total", &[], Duration::from_secs(5)), Some(20.0));
        assert_eq!(history.span(Duration::from_secs(5)), Some(Duration::from_secs(5)));
        assert_eq!(history.increase("taskward_host_cpu_seconds_total", &[], MINUTE), Some(500.0));
    }

    #[test]
    fn labels_choose_and_divide() {
        let start = Instant::now();
        let history = History::new(start);
        record(&history, start, |samples| {
            for (queue, state, value) in [("a", "dead", 2.0), ("a", "completed", 5.0), ("b", "dead", 3.0)] {
                let labels = [("queue", queue), ("state", state)];
                number(samples, "taskward_tasks_finished_total", &labels, value);
            }
            number(samples, "taskward_queue_oldest_ready_age_seconds", &[("queue", "a")], 9.0);
        });
        let dead = [("state", "dead")];
        assert_eq!(history.increase("taskward_tasks_finished_total", &dead, MINUTE), Some(5.0));
        let by_queue = history.increase_by("taskward_tasks_finished_total", &dead, "queue", MINUTE);
        assert_eq!(by_queue, [("a".to_owned(), 2.0), ("b".to_owned(), 3.0)]);
        let ages = history.latest_by("taskward_queue_oldest_ready_age_seconds", &[], "queue");
        assert_eq!(ages, [("a".to_owned(), 9.0)]);
        record(&history, start + INTERVAL, |_| {});
        assert!(history.latest_by("taskward_queue_oldest_ready_age_seconds", &[], "queue").is_empty());
    }

    #[test]
    fn quantiles_are_those_of_the_window_and_status_is_a_class() {
        let start = Instant::now();
        let history = History::new(start);
        record(&history, start, |samples| requests(samples, "200", 60.0, 1000));
        record(&history, start + 2 * MINUTE, |samples| {
            requests(samples, "200", 60.0, 1000);
            requests(samples, "503", 2.0, 100);
            requests(samples, "500", 2.0, 100);
        });
        assert_eq!(history.increase(HTTP, &[("status", "5xx")], MINUTE), Some(200.0));
        assert_eq!(history.increase(HTTP, &[("status", "2xx")], MINUTE), Some(0.0));
        // All within the bucket from 1 s to 2 s.
        assert_eq!(history.quantile(0.5, HTTP, &[], MINUTE), Some(1.5));
        assert_eq!(history.quantile(0.5, HTTP, &[("status", "2xx")], MINUTE), None);
        let observed = history.observed(HTTP, &[], MINUTE).expect("observations");
        assert_eq!((observed.count(), observed.mean()), (200.0, 2.0));
        // Beyond every bound there is only the last one to say.
        record(&history, start + 4 * MINUTE, |samples| requests(samples, "200", 61.0, 1));
        assert_eq!(Some(60.0), history.quantile(0.99, HTTP, &[("status", "2xx")], MINUTE));
    }

    /// A history of a counter that grows by one a second, with a sample every four seconds.
    fn counting(hours: u64) -> History {
        let start = Instant::now();
        let history = History::new(start);
        for at in (0..=hours * 3600).step_by(4) {
            record(&history, start + Duration::from_secs(at), |samples| {
                number(samples, "taskward_tasks_created_total", &[("queue", "a")], at as f64);
            });
        }
        history
    }

    #[test]
    fn a_window_is_what_it_says_however_long_the_process_runs() {
        for hours in [1, 7, 30] {
            let history = counting(hours);
            for (window, apart) in [(60, 4), (300, 4), (1800, 16), (3600, 16), (6 * 3600, 64)] {
                let asked = Duration::from_secs(window);
                let grown = history.increase("taskward_tasks_created_total", &[], asked).expect("a number");
                let expected = (window.min(hours * 3600)) as f64;
                // A window begins with the sample at its edge, or with the one before.
                assert!(
                    (expected..expected + apart as f64).contains(&grown),
                    "{hours} h: {window} s: {grown}"
                );
                let span = history.span(asked).expect("a span").as_secs_f64();
                assert_eq!(span, grown, "{hours} h: {window} s");
            }
        }
    }

    #[test]
    fn six_hours_take_no_more_than_is_said() {
        let history = counting(30);
        let kept = history.kept();
        assert!((600..=760).contains(&kept.times.len()), "{}", kept.times.len());
        assert!(kept.series.values().all(|rows| rows.values.len() == kept.times.len()));
    }

    #[test]
    fn no_more_samples_are_kept_than_the_bound_says() {
        let start = Instant::now();
        let history = History::new(start);
        for at in 0..2 * SAMPLES_MAX as u64 {
            record(&history, start + Duration::from_millis(50 * at), |samples| {
                number(samples, "process_open_fds", &[], at as f64);
                if at == 0 {
                    number(samples, "process_max_fds", &[], 1.0);
                }
            });
        }
        let kept = history.kept();
        assert_eq!(kept.times.len(), SAMPLES_MAX);
        assert_eq!(kept.series.len(), 1, "the series that is gone is forgotten");
        assert!(kept.series.values().all(|rows| rows.values.len() == SAMPLES_MAX));
        drop(kept);
        let later = start + 3 * KEPT;
        record(&history, later, |samples| number(samples, "process_open_fds", &[], 1.0));
        assert_eq!(history.kept().times.len(), 1);
    }

    #[test]
    fn what_is_tracked_is_described_with_the_labels_that_are_kept() {
        for tracked in TRACKED {
            let metric = metric(tracked.name).unwrap_or_else(|| panic!("{} is not described", tracked.name));
            assert!(tracked.labels.iter().all(|label| metric.labels.contains(label)), "{}", tracked.name);
        }
    }
}
