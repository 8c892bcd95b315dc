//! Where counters, gauges and histograms are kept while the service works.
//!
//! A histogram counts into its buckets at once: keeping observations until somebody looks, as exporters do, costs
//! tens of bytes for each task of the last seconds. And what is kept can be read without being rendered.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use metrics::atomics::AtomicU64;
use metrics::{Counter, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit};
use metrics_util::registry::{Registry, Storage};

use super::description::{Kind, Metric};
use super::reference::metric;
use super::sample::{Sample, Samples, Value};

/// The process's recorder. Clones are the same one.
#[derive(Clone)]
pub struct Recorder(Arc<Registry<Key, Kept>>);

/// One that counts nothing until it is installed.
impl Default for Recorder {
    fn default() -> Self {
        Self(Arc::new(Registry::new(Kept)))
    }
}

/// The process has a recorder already.
#[derive(Debug, thiserror::Error)]
#[error("another recorder of metrics is installed")]
pub struct AlreadyInstalled;

/// Installs the process's recorder. Call once.
///
/// # Errors
/// When a recorder is installed already.
pub fn install() -> Result<Recorder, AlreadyInstalled> {
    let recorder = Recorder::default();
    metrics::set_global_recorder(recorder.clone()).map_err(|_| AlreadyInstalled)?;
    Ok(recorder)
}

/// How values are kept.
struct Kept;

impl Storage<Key> for Kept {
    type Counter = Arc<AtomicU64>;
    type Gauge = Arc<AtomicU64>;
    type Histogram = Arc<Buckets>;

    fn counter(&self, _: &Key) -> Self::Counter {
        Arc::default()
    }

    fn gauge(&self, _: &Key) -> Self::Gauge {
        Arc::default()
    }

    fn histogram(&self, key: &Key) -> Self::Histogram {
        let bounds = match metric(key.name()).map(|metric| metric.kind) {
            Some(Kind::Histogram(bounds)) => bounds,
            _ => &[],
        };
        Arc::new(Buckets::new(bounds))
    }
}

/// A histogram's buckets, by upper bound; one more for what is beyond.
struct Buckets {
    bounds: &'static [f64],
    counts: Box<[AtomicU64]>,
    /// The bits of a float.
    sum: AtomicU64,
}

impl Buckets {
    fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0.0_f64.to_bits()) }
    }

    fn value(&self) -> Value {
        let counts = self.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        Value::Buckets { counts, sum: f64::from_bits(self.sum.load(Ordering::Relaxed)) }
    }
}

impl HistogramFn for Buckets {
    fn record(&self, value: f64) {
        self.record_many(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        let bucket = self.bounds.partition_point(|bound| *bound < value);
        self.counts[bucket].fetch_add(count as u64, Ordering::Relaxed);
        let added = value * count as f64;
        // Tried again while others add; it cannot fail for good, since there always is a next sum.
        let _ = self.sum.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bits| {
            Some((f64::from_bits(bits) + added).to_bits())
        });
    }
}

impl metrics::Recorder for Recorder {
    // Descriptions are in the reference, and nowhere else.
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.0.get_or_create_counter(key, |counter| Counter::from_arc(Arc::clone(counter)))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.0.get_or_create_gauge(key, |gauge| Gauge::from_arc(Arc::clone(gauge)))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.0.get_or_create_histogram(key, |buckets| Histogram::from_arc(Arc::clone(buckets)))
    }
}

impl Recorder {
    /// Everything that was recorded.
    pub(super) fn read(&self, samples: &mut Samples) {
        self.0.visit_counters(|key, counter| {
            add(samples, key, Value::Number(counter.load(Ordering::Relaxed) as f64));
        });
        self.0.visit_gauges(|key, gauge| {
            add(samples, key, Value::Number(f64::from_bits(gauge.load(Ordering::Relaxed))));
        });
        self.0.visit_histograms(|key, buckets| add(samples, key, buckets.value()));
    }
}

fn add(samples: &mut Samples, key: &Key, value: Value) {
    let described = metric(key.name());
    debug_assert!(described.is_some(), "{} is not described", key.name());
    if let Some(metric) = described {
        samples.push(Sample { metric, labels: labels(metric, key), value });
    }
}

/// The labels in the order of the metric's.
fn labels(metric: &Metric, key: &Key) -> Vec<(&'static str, String)> {
    debug_assert_eq!(metric.labels.len(), key.labels().len(), "labels of {}", metric.name);
    let value =
        |name: &str| key.labels().find(|label| label.key() == name).map(|label| label.value().to_owned());
    metric.labels.iter().filter_map(|name| Some((*name, value(name)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observations_fall_into_the_bucket_that_they_do_not_exceed() {
        let buckets = Buckets::new(&[1.0, 2.0]);
        for value in [0.5, 1.0, 1.5, 2.0, 2.5] {
            buckets.record(value);
        }
        buckets.record_many(0.0, 10);
        assert_eq!(buckets.value(), Value::Buckets { counts: vec![12, 2, 1], sum: 7.5 });
    }

    #[test]
    fn what_is_recorded_is_read() {
        let recorder = Recorder::default();
        metrics::with_local_recorder(&recorder, || {
            metrics::counter!("taskward_tasks_created_total", "queue" => "q").increment(3);
            metrics::gauge!("taskward_config_generation").set(2.0);
            metrics::histogram!("taskward_engine_batch_items", "verb" => "v").record(4.0);
        });
        let mut samples = Samples::default();
        recorder.read(&mut samples);
        let read = samples.as_slice().iter().cloned().map(|s| (s.metric.name, s.labels, s.value));
        let mut read: Vec<_> = read.collect();
        read.sort_by_key(|(name, ..)| *name);
        assert_eq!(read[0], ("taskward_config_generation", vec![], Value::Number(2.0)));
        let Value::Buckets { counts, sum } = &read[1].2 else { panic!("{read:?}") };
        assert_eq!((counts[2], *sum, counts.iter().sum::<u64>()), (1, 4.0, 1));
        let created = ("taskward_tasks_created_total", vec![("queue", "q".to_owned())], Value::Number(3.0));
        assert_eq!(read[2], created);
    }
}
