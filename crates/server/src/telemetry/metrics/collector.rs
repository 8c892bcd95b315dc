//! Everything at once: what was recorded, and what is looked at when somebody wants to know.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::watch;

use super::disk::Directories;
use super::recorder::Recorder;
use super::sample::Samples;
use super::service::KeyAge;
use super::{cgroup, disk, engine, host, process, queues, service, store, text};
use crate::engine::Engine;
use crate::maintenance::Rates;

/// Collects the metrics of a service. Nothing here asks the database.
#[derive(Clone)]
pub struct Collector {
    recorder: Recorder,
    engine: Engine,
    rates: Rates,
    directories: Directories,
    key: KeyAge,
    /// How long the text was last time.
    bytes: Arc<AtomicUsize>,
}

impl Collector {
    /// Of this service.
    pub fn new(
        recorder: Recorder,
        engine: Engine,
        rates: Rates,
        directories: Directories,
        key_age: Option<Duration>,
    ) -> Self {
        Self { recorder, engine, rates, directories, key: KeyAge::new(key_age), bytes: Arc::default() }
    }

    /// Tells whenever the queues were looked at anew.
    pub(crate) fn queues_seen(&self) -> watch::Receiver<()> {
        self.rates.taken()
    }

    /// Every series there is. Reads some twenty files of the kernel, so it is not for the runtime's own threads.
    pub fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        self.recorder.read(&mut samples);
        queues::read(&mut samples, &self.engine, &self.rates);
        engine::read(&mut samples, &self.engine);
        store::read(&mut samples, self.engine.store());
        service::read(&mut samples, self.engine.mode().current());
        self.key.sample(&mut samples);
        process::sample(&mut samples);
        disk::sample(&mut samples, &self.directories);
        host::sample(&mut samples);
        cgroup::sample(&mut samples);
        samples
    }

    /// The same, as Prometheus text. Likewise not for the runtime's own threads.
    pub fn text(&self) -> String {
        // A text that outgrows its room is copied, and it only ever grows by a few series.
        let before = self.bytes.load(Ordering::Relaxed);
        let text = text::render(&self.samples(), before + before / 16);
        self.bytes.store(text.len(), Ordering::Relaxed);
        text
    }
}
