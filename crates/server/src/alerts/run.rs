//! The loop: looks, tells.

use std::time::Duration;

use taskward_core::alert::{Change, Watch};
use tokio::sync::watch;
use tokio::time::Instant;

use super::Alerts;
use super::readings::FromHistory;
use crate::telemetry::history::History;

/// Sleeping for ever, in practice.
const LONG: Duration = Duration::from_secs(3600);

/// Looks whenever there is a new sample, the database comes or goes, an alert's time is up, or somebody is to be
/// told.
pub(super) async fn run(alerts: Alerts, history: History, mut database_up: watch::Receiver<Option<bool>>) {
    let mut taken = history.taken();
    loop {
        let readings = FromHistory { history: &history, database_up: *database_up.borrow_and_update() };
        let due = alerts.look(&readings);
        // Both senders live as long as this loop does.
        tokio::select! {
            _ = taken.changed() => {}
            _ = database_up.changed() => {}
            () = alerts.0.bell.notified() => {}
            () = tokio::time::sleep_until(due) => {}
        }
    }
}

impl Alerts {
    /// Looks once, and says when to look again even if nothing is new.
    pub(super) fn look(&self, readings: &FromHistory<'_>) -> Instant {
        let now = self.now();
        let mut board = self.board();
        for watch in &mut board.watches {
            for change in watch.look(readings, now) {
                log(watch, &change);
            }
        }
        board.silences.retain(|_, silence| silence.until > now);
        let board_due = board.watches.iter().filter_map(Watch::due);
        let silence_due = board.silences.values().map(|silence| silence.until);
        let due = board_due.chain(silence_due).min();
        drop(board);
        let told = self.0.outlets.tell(&self.telling(), now);
        let due = due.into_iter().chain(told).min().unwrap_or(now + LONG);
        self.0.started + due.max(now + Duration::from_millis(10))
    }
}

fn log(watch: &Watch, change: &Change) {
    let rule = watch.rule();
    let severity = rule.severity.as_str();
    match change {
        Change::Fired(labels) => {
            let value = watch.alerts().get(labels).map_or(0.0, |status| status.value);
            let next = rule.first_command().unwrap_or_default();
            tracing::warn!(alert = rule.name, severity, next, "alert: {}", rule.describe(labels, value));
        }
        Change::Resolved(labels, _) => {
            tracing::info!(alert = rule.name, severity, labels = ?labels, "alert resolved: {}", rule.summary);
        }
    }
}
