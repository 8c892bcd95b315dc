//! The database, as the store uses it.

use taskward_store::Store;

use super::description::Metric;
use super::sample::Samples;

pub(super) const METRICS: &[Metric] = &[
    Metric::counter(
        "taskward_store_statements_total",
        &[],
        "Statements sent to the database, BEGIN and COMMIT included",
    ),
    Metric::gauge(
        "taskward_store_pool_connections",
        &["state"],
        "Open connections of the pool, for SQLite its readers: idle or in_use",
    ),
    Metric::gauge("taskward_store_pool_connections_max", &[], "Connections the pool may open"),
    Metric::gauge("taskward_store_pool_waiting", &[], "Calls that wait for a connection"),
    Metric::counter("taskward_store_pool_acquired_total", &[], "Connections taken from the pool"),
    Metric::counter(
        "taskward_store_pool_wait_seconds_total",
        &[],
        "How long all calls together have waited for a connection",
    ),
];

/// Reads what the store counts by itself.
pub(super) fn read(samples: &mut Samples, store: &dyn Store) {
    samples.add("taskward_store_statements_total", &[], store.statements() as f64);
    let pool = store.pool();
    let idle = pool.open.saturating_sub(pool.in_use);
    samples.add("taskward_store_pool_connections", &[("state", "idle")], idle as f64);
    samples.add("taskward_store_pool_connections", &[("state", "in_use")], pool.in_use as f64);
    samples.add("taskward_store_pool_connections_max", &[], pool.max as f64);
    samples.add("taskward_store_pool_waiting", &[], pool.waiting as f64);
    samples.add("taskward_store_pool_acquired_total", &[], pool.acquired as f64);
    samples.add("taskward_store_pool_wait_seconds_total", &[], pool.waited.as_secs_f64());
}
