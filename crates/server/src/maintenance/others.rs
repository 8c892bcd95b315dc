//! Other instances on the same database: they tell us, and we tell them, that tasks became available.

use std::time::Duration;

use crate::engine::Engine;

/// At most this often others are told: a notification takes a lock that every notifier of the database
/// wants, and one says as much as a hundred.
const DEBOUNCE: Duration = Duration::from_millis(20);

/// Wakes the claims that wait here.
pub(super) async fn listen(engine: Engine) {
    loop {
        engine.store().woken_by_others().await;
        engine.woken_by_others();
    }
}

/// Tells the others. The bell keeps one ring, so that what happens during the pause is told after it.
pub(super) async fn tell(engine: Engine) {
    loop {
        engine.others_alarm().notified().await;
        engine.store().wake_others().await;
        tokio::time::sleep(DEBOUNCE).await;
    }
}
