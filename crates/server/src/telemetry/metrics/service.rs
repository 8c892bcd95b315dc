//! The service as a whole.

use std::time::Duration;

use tokio::time::Instant;

use super::description::Metric;
use super::sample::Samples;
use crate::mode::Mode;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge("taskward_build_info", &["version"], "Always 1; the version is a label"),
    Metric::gauge("taskward_mode", &["mode"], "1 for the mode the service is in, 0 for the others"),
    Metric::gauge(
        "taskward_config_generation",
        &[],
        "Configurations in force since the process began, the present one included: grows when a reload changes \
         something",
    ),
    Metric::counter("taskward_maintenance_failures_total", &["loop"], "Failed rounds of a maintenance loop")
        .shown_where("a round has failed"),
    Metric::counter(
        "taskward_log_lines_dropped_total",
        &["output", "reason"],
        "Lines of the log that were not written",
    )
    .shown_where("a line was dropped"),
    Metric::gauge("taskward_key_age_seconds", &[], "Age of the file that the API key was read from")
        .shown_where("the key is from a file that is not in memory, as credentials of systemd's are"),
];

/// How old the API key is, where that is known.
#[derive(Clone)]
pub(super) struct KeyAge {
    known: Option<Duration>,
    /// When it was that old.
    at: Instant,
}

impl KeyAge {
    /// Of a key that is so old now.
    pub(super) fn new(known: Option<Duration>) -> Self {
        Self { known, at: Instant::now() }
    }

    pub(super) fn sample(&self, samples: &mut Samples) {
        if let Some(known) = self.known {
            samples.add("taskward_key_age_seconds", &[], (known + self.at.elapsed()).as_secs_f64());
        }
    }
}

/// Reads what the service is.
pub(super) fn read(samples: &mut Samples, mode: Mode) {
    samples.add("taskward_build_info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    for other in Mode::ALL {
        let value = f64::from(u8::from(other == mode));
        samples.add("taskward_mode", &[("mode", other.as_str())], value);
    }
}
