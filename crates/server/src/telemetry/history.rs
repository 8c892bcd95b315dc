//! The last six hours of the metrics that signals are made of, in this process: what alerts are judged by and
//! summaries are made of, with no Prometheus needed.
//!
//! A sample is taken whenever the queues were looked at, and at the latest after `INTERVAL`. All samples of the last
//! quarter of an hour are kept, of the last hour one in 15 s, and before that one in a minute: that is what the
//! questions are worth that reach so far. So there are some 700 of them, of 8 bytes a number: 2 MB for a service with
//! ten queues, 16 MB with the 200 that have a label of their own.
//!
//! Questions name a metric and labels that must match; series that match are summed. Labels that are not kept
//! (see `TRACKED`) are summed away when a sample is taken, the label `status` is kept as its class, `5xx`, and
//! `route` as its `pace`: `waiting` where callers may ask to wait, so that the time says nothing, else `prompt`.
//! `None` means that there is no sample to answer from, which is never the same as nought.

mod steps;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::metrics::{Collector, Kind, Sample, Value, metric};
pub use steps::Steps;

/// The time between two samples, at most. With what follows a sample it is less than the five seconds in which a fault
/// is to be noticed.
const INTERVAL: Duration = Duration::from_millis(4500);
/// How far back samples reach.
const KEPT: Duration = Duration::from_secs(6 * 3600);
/// How far apart samples are that are older than so much: than an hour, than a quarter of one, and a little more, so
/// that windows of that length begin where they should.
const GRAINS: [(Duration, Duration); 2] = [
    (Duration::from_secs(62 * 60), Duration::from_secs(60)),
    (Duration::from_secs(16 * 60), Duration::from_secs(15)),
];
/// How often samples that stand too close together for their age are looked for.
const THINNED_EVERY: Duration = Duration::from_secs(60);
/// More samples than these are never kept, however often they are taken. Taken as often as they are, there are fewer.
const SAMPLES_MAX: usize = 900;

/// A metric that is kept.
struct Tracked {
    name: &'static str,
    /// The labels that tell its series apart here.
    labels: &'static [&'static str],
    /// Where a counter stood before its first sample.
    before: Before,
}

/// Where a counter stood before its first sample.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// At nought: it counts what this process does.
    Nought,
    /// Nobody knows: the machine was counting before this process began.
    Unknown,
}

const fn ours(name: &'static str, labels: &'static [&'static str]) -> Tracked {
    Tracked { name, labels, before: Before::Nought }
}

const fn machine(name: &'static str, labels: &'static [&'static str]) -> Tracked {
    Tracked { name, labels, before: Before::Unknown }
}

/// What is kept: the golden signals, the signals of tasks, and what saturates.
const TRACKED: &[Tracked] = &[
    ours("taskward_http_request_duration_seconds", &["route", "status"]),
    ours("taskward_tasks_created_total", &[]),
    ours("taskward_tasks_finished_total", &["queue", "state"]),
    ours("taskward_attempts_total", &["outcome"]),
    ours("taskward_attempt_duration_seconds", &["outcome"]),
    ours("taskward_task_wait_seconds", &[]),
    ours("taskward_task_retries_total", &["by"]),
    ours("taskward_leases_rescued_total", &["queue", "reason"]),
    ours("taskward_queue_tasks", &["queue", "state"]),
    ours("taskward_queue_oldest_ready_age_seconds", &["queue"]),
    ours("taskward_workers_active", &["queue"]),
    ours("taskward_workers_waiting", &["queue"]),
    ours("taskward_engine_pending_items", &[]),
    ours("taskward_engine_pending_bytes", &[]),
    ours("taskward_store_pool_connections", &["state"]),
    ours("taskward_store_pool_connections_max", &[]),
    ours("taskward_store_pool_acquired_total", &[]),
    ours("taskward_store_pool_wait_seconds_total", &[]),
    ours("process_cpu_seconds_total", &[]),
    ours("process_resident_memory_bytes", &[]),
    ours("process_open_fds", &[]),
    ours("process_max_fds", &[]),
    ours("taskward_key_age_seconds", &[]),
    ours("taskward_backup_last_success_age_seconds", &[]),
    ours("taskward_disk_size_bytes", &["directory"]),
    ours("taskward_disk_available_bytes", &["directory"]),
    ours("taskward_disk_inodes", &["directory"]),
    ours("taskward_disk_inodes_available", &["directory"]),
    ours("taskward_host_memory_size_bytes", &[]),
    ours("taskward_host_memory_available_bytes", &[]),
    ours("taskward_host_cpus", &[]),
    machine("taskward_host_cpu_seconds_total", &["mode"]),
    machine("taskward_host_disk_bytes_total", &["direction"]),
    machine("taskward_host_network_bytes_total", &["direction"]),
    machine("taskward_host_pressure_seconds_total", &["resource", "share"]),
    ours("taskward_cgroup_memory_limit_bytes", &[]),
    ours("taskward_cgroup_memory_used_bytes", &[]),
];

/// The samples. Clones share them.
#[derive(Clone)]
pub struct History(Arc<Inner>);

struct Inner {
    kept: Mutex<Kept>,
    taken: watch::Sender<u64>,
}

struct Kept {
    /// When this process began to count.
    began: Instant,
    times: VecDeque<Instant>,
    /// Whether there were samples before the first of these.
    forgot: bool,
    thinned: Instant,
    series: BTreeMap<Series, Rows>,
}

type Labels = Vec<(&'static str, String)>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    name: &'static str,
    labels: Labels,
}

/// A row for each sample, in the order of times: a number, or for a histogram the counts of its buckets and the
/// sum of what was observed. Not-a-numbers where the series was absent.
struct Rows {
    before: Before,
    bounds: &'static [f64],
    width: usize,
    values: VecDeque<f64>,
}

/// What a histogram observed within a window.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    bounds: &'static [f64],
    /// By bound, not cumulative; the last is what was beyond every bound.
    counts: Vec<f64>,
    sum: f64,
}

impl History {
    /// An empty history of a process that begins to count now.
    pub fn new(now: Instant) -> Self {
        let times = VecDeque::new();
        let kept = Kept { began: now, times, forgot: false, thinned: now, series: BTreeMap::new() };
        Self(Arc::new(Inner { kept: Mutex::new(kept), taken: watch::Sender::new(0) }))
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

impl Kept {
    fn push(&mut self, sampled: BTreeMap<Series, (&'static Tracked, Vec<f64>)>, now: Instant) {
        let before = self.times.len();
        for (series, (tracked, row)) in sampled {
            let rows = self.series.entry(series).or_insert_with(|| Rows::new(tracked, row.len(), before));
            rows.values.extend(row);
        }
        self.times.push_back(now);
        let times = self.times.len();
        for rows in self.series.values_mut() {
            rows.values.resize(times * rows.width, f64::NAN);
        }
        if now.duration_since(self.thinned) >= THINNED_EVERY {
            self.thinned = now;
            self.thin(now);
        }
        while self.times.len() > SAMPLES_MAX || self.is_first_of_no_use(now) {
            self.times.pop_front();
            self.forgot = true;
            for rows in self.series.values_mut() {
                rows.values.drain(..rows.width);
            }
        }
        // What is gone for as long as anything is remembered is forgotten.
        self.series.retain(|_, rows| rows.values.iter().any(|value| !value.is_nan()));
    }

    /// Whether the first sample is older than any window, and not even where the longest one begins.
    fn is_first_of_no_use(&self, now: Instant) -> bool {
        let age = |at: Option<&Instant>| at.map_or(Duration::ZERO, |at| now.duration_since(*at));
        age(self.times.get(1)) >= KEPT || age(self.times.front()) > KEPT + 2 * THINNED_EVERY
    }

    /// Lets go of samples that stand closer together than is of use at their age.
    fn thin(&mut self, now: Instant) {
        let mut last: Option<Instant> = None;
        let stays = |at: &Instant| {
            let age = now.duration_since(*at);
            let apart =
                GRAINS.iter().find(|(older, _)| age > *older).map_or(Duration::ZERO, |(_, apart)| *apart);
            let stays = last.is_none_or(|last| at.duration_since(last) >= apart);
            if stays {
                last = Some(*at);
            }
            stays
        };
        let stays: Vec<bool> = self.times.iter().map(stays).collect();
        if stays.iter().all(|stays| *stays) {
            return;
        }
        keep(&mut self.times, 1, &stays);
        for rows in self.series.values_mut() {
            keep(&mut rows.values, rows.width, &stays);
        }
    }

    /// The first sample inside the window that ends with the latest one. What stands before it is where the window
    /// begins; where nothing stands there, nothing had been counted yet.
    fn from(&self, window: Duration) -> Option<usize> {
        let latest = *self.times.back()?;
        let first = self.times.partition_point(|at| latest.duration_since(*at) >= window);
        Some(first.max(usize::from(self.forgot)))
    }

    fn matching<'a>(
        &'a self,
        name: &'a str,
        labels: &'a [(&'a str, &'a str)],
    ) -> impl Iterator<Item = (&'a Series, &'a Rows)> {
        let matches = move |series: &Series| {
            let has = |(label, value): &(&str, &str)| {
                series.labels.iter().any(|(own, is)| own == label && is == value)
            };
            series.name == name && labels.iter().all(has)
        };
        self.series.iter().filter(move |(series, _)| matches(series))
    }
}

impl Rows {
    fn new(tracked: &'static Tracked, width: usize, absent: usize) -> Self {
        let bounds = match metric(tracked.name).map(|metric| metric.kind) {
            Some(Kind::Histogram(bounds)) => bounds,
            _ => &[],
        };
        let values = std::iter::repeat_n(f64::NAN, width * absent).collect();
        Self { before: tracked.before, bounds, width, values }
    }

    fn row(&self, at: usize) -> Option<Vec<f64>> {
        let row: Vec<f64> = self.values.range(at * self.width..(at + 1) * self.width).copied().collect();
        row.iter().all(|value| !value.is_nan()).then_some(row)
    }

    fn last(&self) -> Option<Vec<f64>> {
        self.row((self.values.len() / self.width).checked_sub(1)?)
    }

    /// How much each column has grown since the sample before this one.
    fn increase(&self, from: usize) -> Option<Vec<f64>> {
        let last = self.last()?;
        let earlier = from.checked_sub(1).and_then(|at| self.row(at));
        let base = match (earlier, self.before) {
            (Some(row), _) => row,
            (None, Before::Nought) => vec![0.0; self.width],
            (None, Before::Unknown) => (from..self.values.len() / self.width).find_map(|at| self.row(at))?,
        };
        Some(last.iter().zip(base).map(|(after, before)| (after - before).max(0.0)).collect())
    }

    /// How much a counter has grown, or a histogram observed.
    fn grown(&self, from: usize) -> Option<f64> {
        let increase = self.increase(from)?;
        let columns = if self.bounds.is_empty() { self.width } else { self.width - 1 };
        Some(increase[..columns].iter().sum())
    }
}

impl Observed {
    /// Together with what another series of the same metric observed.
    pub fn and(mut self, other: &Self) -> Self {
        add(&mut self.counts, &other.counts);
        self.sum += other.sum;
        self
    }

    /// How many observations.
    pub fn count(&self) -> f64 {
        self.counts.iter().sum()
    }

    /// Their mean.
    pub fn mean(&self) -> f64 {
        self.sum / self.count()
    }

    /// The value that a share of `q` (0 to 1) of them does not exceed, as Prometheus's `histogram_quantile`
    /// estimates it: evenly spread within a bucket, and the last bound for what is beyond it.
    pub fn quantile(&self, q: f64) -> f64 {
        let rank = q.clamp(0.0, 1.0) * self.count();
        let mut below = 0.0;
        for (at, count) in self.counts.iter().enumerate() {
            let Some(bound) = self.bounds.get(at) else { break };
            if below + count >= rank && *count > 0.0 {
                let lower = at.checked_sub(1).map_or(0.0, |before| self.bounds[before]);
                return lower + (bound - lower) * ((rank - below) / count);
            }
            below += count;
        }
        self.bounds.last().copied().unwrap_or(f64::NAN)
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

/// Keeps the rows that stay, of so many values each.
fn keep<T>(values: &mut VecDeque<T>, width: usize, stays: &[bool]) {
    let mut at = 0;
    values.retain(|_| {
        at += 1;
        stays[(at - 1) / width]
    });
}

/// The labels that are kept of a sample.
fn kept_labels(tracked: &Tracked, sample: &Sample) -> Labels {
    let kept = sample.labels.iter().filter(|(label, _)| tracked.labels.contains(label));
    let one = |(label, value): &(&'static str, String)| match *label {
        "status" => ("status", class(value)),
        "route" => ("pace", pace(value).to_owned()),
        label => (label, value.clone()),
    };
    kept.map(one).collect()
}

/// `503` is `5xx`.
fn class(status: &str) -> String {
    format!("{}xx", status.get(..1).unwrap_or_default())
}

/// Whether callers of a route may ask to wait.
fn pace(route: &str) -> &'static str {
    if ["/api/v1/claim", "/api/v1/tasks/{id}"].contains(&route) { "waiting" } else { "prompt" }
}

fn add(sum: &mut [f64], row: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += value;
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
    use super::*;
    use crate::telemetry::metrics::Samples;

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
