//! What alerts are about beside other metrics, and what becomes of them. Recorded in `alerts/`.

use super::description::Metric;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "taskward_database_up",
        &[],
        "1 while the database answers this instance, which asks twice a second, and takes writes; else 0",
    )
    .after("it was asked"),
    Metric::counter(
        "taskward_alert_notifications_total",
        &["channel", "outcome"],
        "Messages about alerts: delivered, failed for good, or dropped because too many waited",
    )
    .shown_where("somebody is told of alerts, and a message was sent"),
];
