//! What was done since a moment: what a restore to that moment would lose.

use taskward_core::Timestamp;
use taskward_store::{SettlementOutcome, postgres, sqlite};

use super::Fixture;
use super::build::{claim_one, enqueue, settle, task};

/// Counts, as the database's kind does it: how many were created, and how many finished.
async fn since(fixture: &Fixture, moment: Timestamp) -> (u64, u64) {
    let url = fixture.database.url();
    let found = match url.strip_prefix("sqlite:") {
        Some(path) => sqlite::since(path.as_ref(), moment),
        None => postgres::since(&url, moment).await,
    };
    let found = found.expect("it can be read while it is used");
    (found.created, found.finished)
}

pub(crate) async fn what_was_created_and_finished_is_counted(fixture: Fixture) {
    let store = fixture.store().await;
    let first = enqueue(&*store, task()).await.task;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    enqueue(&*store, task()).await;
    assert_eq!(since(&fixture, Timestamp::UNIX_EPOCH).await, (2, 1));
    let (created, finished) = since(&fixture, first.created_at).await;
    assert_eq!((created, finished), (1, 1), "what is as old as the moment was there by then");
}
