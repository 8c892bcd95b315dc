//! Everything at once: what was recorded, and what is looked at when somebody wants to know.

use super::disk::Directories;
use super::recorder::Recorder;
use super::sample::Samples;
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
}

impl Collector {
    /// Of this service.
    pub fn new(recorder: Recorder, engine: Engine, rates: Rates, directories: Directories) -> Self {
        Self { recorder, engine, rates, directories }
    }

    /// Every series there is. Reads some twenty files of the kernel, so it is not for the runtime's own threads.
    pub fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        self.recorder.read(&mut samples);
        queues::read(&mut samples, &self.engine, &self.rates);
        engine::read(&mut samples, &self.engine);
        store::read(&mut samples, self.engine.store());
        service::read(&mut samples, self.engine.mode().current());
        process::sample(&mut samples);
        disk::sample(&mut samples, &self.directories);
        host::sample(&mut samples);
        cgroup::sample(&mut samples);
        samples
    }

    /// The same, as Prometheus text. Likewise not for the runtime's own threads.
    pub fn text(&self) -> String {
        text::render(self.samples())
    }
}
