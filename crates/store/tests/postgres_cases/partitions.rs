//! History is pruned by dropping its partitions.

use std::time::Duration;

use taskward_store::TaskStore;

use crate::PostgresDatabase;

const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// Makes a finished task: its id begins with `prefix`, and it finished so many days ago.
fn finished(prefix: &str, days_ago: u32) -> String {
    format!(
        "INSERT INTO history (id, run_at, created_at, finished_at, lease, timeout_ms, retry_initial_ms,
            retry_max_ms, retry_factor, retry_jitter, attempt, max_attempts, crashes, priority,
            cancel_requested, state, queue, kind, payload)
        SELECT ('{prefix}' || substr(gen_random_uuid()::text, 14))::uuid, now(), now(),
            now() - interval '{days_ago} days', 1, 1, 1, 1, 1, 0, 1, 1, 0, 5, false, 'completed', 'q', 'k', '1';"
    )
}

/// A partition for 2020-09-13, and the beginning of the ids that belong there.
const OLD_PARTITION: &str = "CREATE TABLE history_p20200913 (LIKE history INCLUDING ALL);
    ALTER TABLE history ATTACH PARTITION history_p20200913
        FOR VALUES FROM ('017484cf-2000-0000-0000-000000000000') TO ('017489f5-7c00-0000-0000-000000000000');";
const OLD_ID: &str = "017486dc-8000";

fn partitions(database: &PostgresDatabase) -> Vec<String> {
    let sql = "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'history'::regclass ORDER BY 1";
    database.sql(sql).lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_made_ahead() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    assert_eq!(partitions(&database).len(), 5, "today's, three more, and the default");
    let last = partitions(&database).last().expect("partitions").clone();
    database.sql(&format!("DROP TABLE {last}"));
    store.prune(WEEK, 10).await.expect("prune");
    assert_eq!(partitions(&database).last(), Some(&last));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_partition_is_dropped_as_a_whole() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    database.sql(&format!("{OLD_PARTITION}{}{}", finished(OLD_ID, 8), finished(OLD_ID, 9)));
    assert_eq!(database.sql("SELECT count(*) FROM history_p20200913"), "2");
    let pruned = store.prune(WEEK, 10).await.expect("prune");
    assert_eq!((pruned.partitions, pruned.tasks), (1, 0));
    assert_eq!(database.sql("SELECT count(*) FROM history"), "0");
    assert_eq!(store.prune(WEEK, 10).await.expect("prune").partitions, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn young_row_keeps_its_old_partition() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    let rows = format!("{}{}{}", finished(OLD_ID, 8), finished(OLD_ID, 9), finished(OLD_ID, 6));
    database.sql(&format!("{OLD_PARTITION}{rows}"));
    let pruned = store.prune(WEEK, 1).await.expect("prune");
    assert_eq!((pruned.partitions, pruned.tasks), (0, 1), "row by row, and no more than asked for");
    let pruned = store.prune(WEEK, 10).await.expect("prune");
    assert_eq!((pruned.partitions, pruned.tasks), (0, 1));
    assert_eq!(database.sql("SELECT count(*) FROM history_p20200913"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn default_partition_is_pruned_by_row() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    database.sql(&format!("{}{}{}", finished(OLD_ID, 8), finished(OLD_ID, 9), finished(OLD_ID, 6)));
    assert_eq!(database.sql("SELECT count(*) FROM history_default"), "3");
    assert_eq!(store.prune(WEEK, 10).await.expect("prune").tasks, 2);
    assert_eq!(database.sql("SELECT count(*) FROM history_default"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_in_the_default_partition_do_not_stop_the_service() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    let last = partitions(&database).last().expect("partitions").clone();
    let first_id = format!(
        "SELECT substr(lpad(to_hex((extract(epoch FROM '{}'::date)*1000)::bigint), 12, '0'), 1, 12)",
        &last["history_p".len()..]
    );
    let hex = database.sql(&first_id);
    let prefix = format!("{}-{}", &hex[..8], &hex[8..]);
    database.sql(&format!("DROP TABLE {last}"));
    database.sql(&finished(&prefix, 1));
    store.prune(WEEK, 10).await.expect("prune");
    assert!(!partitions(&database).contains(&last), "its rows are in the default partition");
    assert_eq!(database.sql("SELECT count(*) FROM history_default"), "1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn table_in_use_postpones_the_drop() {
    let database = PostgresDatabase::fresh();
    let store = database.store().await;
    database.sql(&format!("{OLD_PARTITION}{}", finished(OLD_ID, 8)));
    let config: tokio_postgres::Config = database.url.parse().expect("a URL");
    let (mut client, connection) = config.connect(tokio_postgres::NoTls).await.expect("connect");
    tokio::spawn(connection);
    let transaction = client.transaction().await.expect("begin");
    transaction.query("SELECT count(*) FROM history", &[]).await.expect("read");
    assert_eq!(store.prune(WEEK, 0).await.expect("prune").partitions, 0);
    transaction.commit().await.expect("commit");
    assert_eq!(store.prune(WEEK, 0).await.expect("prune").partitions, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_instances_prune_at_once() {
    let database = PostgresDatabase::fresh();
    let stores = [database.store().await, database.store().await, database.store().await];
    database.sql(&format!("{OLD_PARTITION}{}", finished(OLD_ID, 8)));
    let rounds = stores.map(|store| tokio::spawn(async move { store.prune(WEEK, 10).await }));
    let mut dropped = 0;
    for round in rounds {
        dropped += round.await.expect("no panic").expect("prune").partitions;
    }
    assert!(dropped <= 1);
}
