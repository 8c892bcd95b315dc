//! Requests. They are observed in `http/observe.rs`.

use super::description::Metric;

/// 2 s is the latency objective, 5 s the rollback threshold: both are bounds, so that the share above them is
/// exact.
const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0];

pub(super) const METRICS: &[Metric] = &[Metric::histogram(
    "taskward_http_request_duration_seconds",
    &["method", "route", "status"],
    SECONDS,
    "Time from a request's head to its answer, by method, route and status; health and metrics apart",
)
.after("a request was answered")];
