//! What a backup has to know of the server and of the database.

use std::path::PathBuf;

use tokio_postgres::Client;

use super::connection::Target;
use super::error::corrupt;
use crate::census::{COUNTERS, Census, Examined};
use crate::{StoreError, StoreOptions};

/// A server, its cluster, and who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The server's major version.
    pub major: u32,
    /// The role that is connected.
    pub user: String,
    /// The database.
    pub database: String,
    /// How large all databases are that this role may connect to.
    pub cluster_bytes: u64,
    /// How large this database is.
    pub database_bytes: u64,
    /// Whether the role may copy the whole cluster.
    pub may_replicate: bool,
    /// Whether the server can be copied while it runs: `wal_level` and `max_wal_senders`.
    pub can_replicate: bool,
    /// Tablespaces outside the data directory.
    pub tablespaces: u64,
    /// The data directory, on the server's machine, where the role may know it.
    pub data_directory: Option<PathBuf>,
    /// Where the log is.
    pub position: String,
    /// Whether the server can compress by Zstandard: since version 15, where it was built so.
    pub compresses_zstd: bool,
}

const FACTS: &str = "SELECT current_setting('server_version_num')::integer / 10000, current_user::text,
    current_database()::text,
    (SELECT coalesce(sum(pg_database_size(oid)), 0)::bigint FROM pg_database
        WHERE has_database_privilege(oid, 'CONNECT')),
    pg_database_size(current_database()),
    (SELECT rolsuper OR rolreplication FROM pg_roles WHERE rolname = current_user),
    current_setting('wal_level') <> 'minimal' AND current_setting('max_wal_senders')::integer >= 2,
    (SELECT count(*) FROM pg_tablespace WHERE spcname NOT IN ('pg_default', 'pg_global')),
    (SELECT setting FROM pg_settings WHERE name = 'data_directory'),
    CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END::text,
    coalesce((SELECT 'zstd' = ANY (enumvals) FROM pg_settings WHERE name = 'wal_compression'), false)";

/// Asks the server.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn facts(url: &str) -> Result<Facts, StoreError> {
    let client = patient(url).await?;
    let row = client.query_one(FACTS, &[]).await?;
    let number = |at: usize| Ok::<_, StoreError>(row.try_get::<_, i64>(at)?.unsigned_abs());
    Ok(Facts {
        major: row.try_get::<_, i32>(0)?.unsigned_abs(),
        user: row.try_get(1)?,
        database: row.try_get(2)?,
        cluster_bytes: number(3)?,
        database_bytes: number(4)?,
        may_replicate: row.try_get(5)?,
        can_replicate: row.try_get(6)?,
        tablespaces: number(7)?,
        data_directory: row.try_get::<_, Option<String>>(8)?.map(PathBuf::from),
        position: row.try_get::<_, Option<String>>(9)?.unwrap_or_default(),
        compresses_zstd: row.try_get(10)?,
    })
}

/// Counts everything in a database that nobody else uses, at one moment.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn examine(url: &str) -> Result<Examined, StoreError> {
    examined(&moment(url).await?).await
}

/// A moment of the database that is held, so that it can be counted, and another program can read exactly it.
pub struct Snapshot {
    /// Holds it, as long as it is open.
    client: Client,
    /// Its name, for `pg_dump --snapshot`.
    pub name: String,
    /// Which transactions are seen: what sees the same ones sees the same.
    pub seen: String,
}

/// Holds a moment of the database. Others go on working; what they remove stays on the disk until this is dropped.
///
/// # Errors
/// As [`super::PostgresStore::connect`].
pub async fn snapshot(url: &str) -> Result<Snapshot, StoreError> {
    let client = moment(url).await?;
    // Whoever is at work meanwhile needs the other processors.
    client.batch_execute("SET LOCAL max_parallel_workers_per_gather = 0").await?;
    let row = client.query_one("SELECT pg_export_snapshot(), txid_current_snapshot()::text", &[]).await?;
    Ok(Snapshot { client, name: row.try_get(0)?, seen: row.try_get(1)? })
}

impl Snapshot {
    /// Counts everything in the database, at that moment.
    ///
    /// # Errors
    /// As [`super::PostgresStore::connect`].
    pub async fn examine(&self) -> Result<Examined, StoreError> {
        examined(&self.client).await
    }
}

/// A session that sees one moment.
async fn moment(url: &str) -> Result<Client, StoreError> {
    let client = patient(url).await?;
    client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
    Ok(client)
}

/// A session that may take its time, and read tables as a whole.
pub(super) async fn patient(url: &str) -> Result<Client, StoreError> {
    let client = Target::parse(url, &StoreOptions::default())?.connect().await?;
    client
        .batch_execute(
            "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
             SET enable_seqscan = on; SET enable_bitmapscan = on",
        )
        .await?;
    Ok(client)
}

async fn examined(client: &Client) -> Result<Examined, StoreError> {
    let tables = "SELECT relname::text FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition";
    let mut census = Census::default();
    let mut names: Vec<String> = Vec::new();
    for row in client.query(tables, &[]).await? {
        names.push(row.try_get(0)?);
    }
    for name in names.iter().filter(|name| *name != COUNTERS) {
        // Large tables are read once.
        let rows = if ["tasks", "history"].contains(&name.as_str()) {
            states(client, name, &mut census).await?
        } else {
            let sql = format!("SELECT count(*) FROM \"{}\"", name.replace('"', "\"\""));
            client.query_one(&sql, &[]).await?.try_get::<_, i64>(0)?.unsigned_abs()
        };
        census.tables.insert(name.clone(), rows);
    }
    let has = |table: &str| names.iter().any(|name| name == table);
    if has(COUNTERS) {
        counters(client, &mut census).await?;
    }
    let schema = if has("schema_migrations") {
        let latest = "SELECT coalesce(max(version), 0) FROM schema_migrations";
        let version: i32 = client.query_one(latest, &[]).await?.try_get(0)?;
        u32::try_from(version).map_err(|_| corrupt("a migration's number"))?
    } else {
        0
    };
    Ok(Examined { census, schema, problems: Vec::new() })
}

/// Counts the tasks of a table by state, and altogether.
async fn states(client: &Client, table: &str, census: &mut Census) -> Result<u64, StoreError> {
    let mut all = 0;
    for row in client.query(&format!("SELECT state, count(*) FROM {table} GROUP BY state"), &[]).await? {
        let rows = row.try_get::<_, i64>(1)?.unsigned_abs();
        census.states.insert(row.try_get(0)?, rows);
        all += rows;
    }
    Ok(all)
}

async fn counters(client: &Client, census: &mut Census) -> Result<(), StoreError> {
    const NAMES: [&str; 7] =
        ["created", "scheduled", "available", "running", "completed", "cancelled", "dead"];
    let sums: Vec<String> = NAMES.iter().map(|name| format!("coalesce(sum({name}), 0)::bigint")).collect();
    let row = client.query_one(&format!("SELECT {} FROM {COUNTERS}", sums.join(", ")), &[]).await?;
    for (at, name) in NAMES.into_iter().enumerate() {
        census.counters.insert(name.to_owned(), row.try_get(at)?);
    }
    Ok(())
}
