//! What the server says of itself, for measurements.

use taskward_store::StoreAdmin;

use crate::PostgresDatabase;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn log_position_grows_and_settings_are_told() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    let before = store.wal_bytes().await.expect("asked").expect("a position");
    database.sql("CREATE TABLE filler AS SELECT repeat('x', 1000) FROM generate_series(1, 1000)");
    let grown = store.wal_bytes().await.expect("asked").expect("a position") - before;
    assert!(grown > 1_000_000, "{grown} bytes for a megabyte");
    let durability = store.durability().await.expect("asked");
    assert_eq!(durability, "fsync=off, full_page_writes=off, synchronous_commit=on");
}
