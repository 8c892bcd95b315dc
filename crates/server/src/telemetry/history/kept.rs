//! The samples themselves: a row for each in every series, thinned as they grow old.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::tracked::{Before, Tracked};
use crate::telemetry::metrics::{Kind, metric};

/// How far back samples reach.
pub(super) const KEPT: Duration = Duration::from_secs(6 * 3600);
/// How far apart samples are that are older than so much: than an hour, than a quarter of one, and a little more, so
/// that windows of that length begin where they should.
const GRAINS: [(Duration, Duration); 2] = [
    (Duration::from_secs(62 * 60), Duration::from_secs(60)),
    (Duration::from_secs(16 * 60), Duration::from_secs(15)),
];
/// How often samples that stand too close together for their age are looked for.
const THINNED_EVERY: Duration = Duration::from_secs(60);
/// More samples than these are never kept, however often they are taken. Taken as often as they are, there are fewer.
pub(super) const SAMPLES_MAX: usize = 900;

/// All samples.
pub(super) struct Kept {
    /// When this process began to count.
    pub(super) began: Instant,
    pub(super) times: VecDeque<Instant>,
    /// Whether there were samples before the first of these.
    forgot: bool,
    thinned: Instant,
    pub(super) series: BTreeMap<Series, Rows>,
}

/// Labels that are kept, with their values.
pub(super) type Labels = Vec<(&'static str, String)>;

#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) labels: Labels,
}

/// A row for each sample, in the order of times: a number, or for a histogram the counts of its buckets and the
/// sum of what was observed. Not-a-numbers where the series was absent.
pub(super) struct Rows {
    pub(super) before: Before,
    pub(super) bounds: &'static [f64],
    pub(super) width: usize,
    pub(super) values: VecDeque<f64>,
}

impl Kept {
    /// An empty one, of a process that begins to count now.
    pub(super) fn new(now: Instant) -> Self {
        let (times, series) = (VecDeque::new(), BTreeMap::new());
        Self { began: now, times, forgot: false, thinned: now, series }
    }

    /// Adds a sample: what each series is now.
    pub(super) fn push(&mut self, sampled: BTreeMap<Series, (&'static Tracked, Vec<f64>)>, now: Instant) {
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
    pub(super) fn from(&self, window: Duration) -> Option<usize> {
        let latest = *self.times.back()?;
        let first = self.times.partition_point(|at| latest.duration_since(*at) >= window);
        Some(first.max(usize::from(self.forgot)))
    }

    pub(super) fn matching<'a>(
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

    pub(super) fn row(&self, at: usize) -> Option<Vec<f64>> {
        let row: Vec<f64> = self.values.range(at * self.width..(at + 1) * self.width).copied().collect();
        row.iter().all(|value| !value.is_nan()).then_some(row)
    }

    pub(super) fn last(&self) -> Option<Vec<f64>> {
        self.row((self.values.len() / self.width).checked_sub(1)?)
    }

    /// How much each column has grown since the sample before this one.
    pub(super) fn increase(&self, from: usize) -> Option<Vec<f64>> {
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
    pub(super) fn grown(&self, from: usize) -> Option<f64> {
        let increase = self.increase(from)?;
        let columns = if self.bounds.is_empty() { self.width } else { self.width - 1 };
        Some(increase[..columns].iter().sum())
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
