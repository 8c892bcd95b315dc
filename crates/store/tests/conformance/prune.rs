//! Removing what is no longer needed. How much history one call removes, and when exactly, is each
//! database's own matter; that nothing young goes is not.

use std::time::Duration;

use taskward_core::{IdempotencyKey, NewTask};
use taskward_store::{SettlementOutcome, StoreOptions};

use super::Fixture;
use super::build::{HOUR, assert_counters, claim_one, enqueue, get, settle, task};

pub(crate) async fn young_history_stays(fixture: Fixture) {
    let store = fixture.store().await;
    enqueue(&*store, task()).await;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    enqueue(&*store, task()).await;
    assert_eq!(store.prune(HOUR, 100).await.expect("prune").tasks, 0);
    get(&*store, claimed.id).await;
    assert_counters(&*store).await;
}

pub(crate) async fn old_idempotency_keys_are_removed(fixture: Fixture) {
    let options = StoreOptions { idempotency_window: Duration::ZERO, ..StoreOptions::default() };
    let store = fixture.store_with(options).await;
    for number in 0..3 {
        let key = IdempotencyKey { key: format!("key {number}"), fingerprint: [0; 32] };
        enqueue(&*store, NewTask { idempotency: Some(key), ..task() }).await;
    }
    assert_eq!(store.prune(HOUR, 2).await.expect("prune").idempotency_keys, 2);
    assert_eq!(store.prune(HOUR, 2).await.expect("prune").idempotency_keys, 1);
    assert_eq!(store.prune(HOUR, 2).await.expect("prune").idempotency_keys, 0);
    assert_counters(&*store).await;
}
