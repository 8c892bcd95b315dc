//! The schema.

use std::sync::Arc;

use taskward_store::{StoreError, StoreOptions};

use super::Fixture;
use super::build::{enqueue, get, task};

pub(crate) async fn up_down_up(fixture: Fixture) {
    let store = fixture.store().await;
    let carried = store.migration_status().await.expect("status").applied;
    let carried: Vec<u32> = carried.iter().map(|migration| migration.version).collect();
    store.check_schema().await.expect("the schema is current");
    for _ in 0..2 {
        let reverted = store.migrate_down(0).await.expect("down");
        let versions: Vec<u32> = reverted.iter().map(|migration| migration.version).collect();
        assert_eq!(versions, carried.iter().copied().rev().collect::<Vec<_>>());
        let refused = store.check_schema().await;
        assert!(matches!(refused, Err(StoreError::SchemaTooOld { found: 0, .. })), "{refused:?}");
        let applied = store.migrate_up(None).await.expect("up");
        assert_eq!(applied.len(), carried.len());
    }
    let id = enqueue(&*store, task()).await.task.id;
    get(&*store, id).await;
}

pub(crate) async fn second_up_applies_nothing(fixture: Fixture) {
    let store = fixture.store().await;
    let id = enqueue(&*store, task()).await.task.id;
    assert!(store.migrate_up(None).await.expect("up").is_empty());
    get(&*store, id).await;
    let status = store.migration_status().await.expect("status");
    assert_eq!((status.current, status.pending.len()), (status.latest, 0));
}

pub(crate) async fn openers_at_once_apply_each_once(fixture: Fixture) {
    let openers = (0..4).map(|_| {
        let database = Arc::clone(&fixture.database);
        tokio::spawn(async move {
            let store = database.open(StoreOptions::default()).await;
            store.migrate_up(None).await.expect("up").len()
        })
    });
    let mut applied = 0;
    for opener in openers.collect::<Vec<_>>() {
        applied += opener.await.expect("the opener does not panic");
    }
    let store = fixture.store().await;
    assert_eq!(applied, store.migration_status().await.expect("status").applied.len());
    store.check_schema().await.expect("the schema is current");
}

pub(crate) async fn status_of_an_empty_database_creates_nothing(fixture: Fixture) {
    let store = fixture.database.open(StoreOptions::default()).await;
    for _ in 0..2 {
        let status = store.migration_status().await.expect("status");
        assert_eq!((status.current, status.applied.len()), (0, 0));
        assert_eq!(status.pending.last().map(|(version, _)| *version), Some(status.latest));
    }
    // It would be there already if the status had made it.
    fixture.database.execute("CREATE TABLE schema_migrations (own INTEGER)").await;
}

pub(crate) async fn newer_schema_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    let newer = "INSERT INTO schema_migrations (version, name, checksum, applied_at)
        SELECT 9999, '9999_later', checksum, applied_at FROM schema_migrations WHERE version = 1";
    fixture.database.execute(newer).await;
    let refusals = [
        store.check_schema().await.expect_err("refused"),
        store.migrate_up(None).await.expect_err("refused"),
        store.migrate_down(0).await.expect_err("refused"),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, StoreError::SchemaTooNew { found: 9999, .. }), "{refusal:?}");
    }
}

pub(crate) async fn changed_migration_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    let other = fixture.database.bytes(&"5a".repeat(32));
    let change = format!("UPDATE schema_migrations SET checksum = {other} WHERE version = 1");
    fixture.database.execute(&change).await;
    let refusals = [
        store.check_schema().await.expect_err("refused"),
        store.migrate_up(None).await.expect_err("refused"),
        store.migrate_down(0).await.expect_err("refused"),
    ];
    for refusal in refusals {
        assert!(matches!(refusal, StoreError::MigrationChanged { version: 1, .. }), "{refusal:?}");
    }
}

pub(crate) async fn unknown_version_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    let refused = store.migrate_up(Some(9999)).await;
    assert!(matches!(refused, Err(StoreError::UnknownMigration(9999))), "{refused:?}");
    let refused = store.migrate_down(9999).await;
    assert!(matches!(refused, Err(StoreError::UnknownMigration(9999))), "{refused:?}");
}
