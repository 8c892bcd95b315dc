//! A SQLite file as one side of a move.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rusqlite::types::{Value as Stored, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params_from_iter};

use super::{blocking, connection, migrate, users};
use crate::transfer::{
    Found, MoveError, MoveOptions, Place, Readable, Row, Side, Table, USED, Value, Writable, decode_key,
    encode_key,
};
use crate::{StoreError, StoreOptions, migrations};

/// Marks a file that is not whole yet, and remembers how far each table is.
const MARK: &str = "CREATE TABLE IF NOT EXISTS unfinished_move (
    table_name TEXT NOT NULL PRIMARY KEY,
    source TEXT NOT NULL,
    last_key TEXT,
    row_count INTEGER NOT NULL,
    done INTEGER NOT NULL
) STRICT";

/// The row of the mark that is there from the beginning, and stands for no table.
const BEGUN: &str = "";

/// What a move to this file that was not finished was from.
pub(super) fn unfinished(connection: &Connection) -> Result<Option<String>, StoreError> {
    if !migrate::has_table(connection, "unfinished_move")? {
        return Ok(None);
    }
    let sql = "SELECT source FROM unfinished_move LIMIT 1";
    Ok(connection.query_row(sql, [], |row| row.get(0)).optional()?)
}

/// A file that is read, or written.
pub(crate) struct SqliteSide {
    path: PathBuf,
    options: StoreOptions,
    open: Arc<Mutex<Open>>,
}

/// Its connection, and what keeps a service from starting on it meanwhile.
#[derive(Default)]
struct Open {
    connection: Option<Connection>,
    _lock: Option<File>,
}

/// Opens a file to be read, in one snapshot; also says what it is called.
pub(crate) async fn source(path: PathBuf, options: &MoveOptions) -> Result<(String, SqliteSide), MoveError> {
    let of_source = |error| MoveError::Store(Side::Source, error);
    let store = store_options(options);
    let (path, by) = blocking(move || {
        let path = path.canonicalize().map_err(|error| unavailable(&path, &error))?;
        let by = users::other_user(&path).map_err(|error| unavailable(&path, &error))?;
        Ok((path, by))
    })
    .await
    .map_err(of_source)?;
    if let Some(by) = by {
        return Err(MoveError::InUse { side: Side::Source, by });
    }
    let name = format!("sqlite:{}", path.display());
    let side = SqliteSide { path, options: store, open: Arc::default() };
    side.with(|open, path, options| {
        let lock = match connection::lock(path, options.connect_timeout) {
            // Nobody can write there, so nobody can start a service on it either.
            Err(StoreError::ReadOnly(_)) => None,
            lock => Some(lock?),
        };
        let reader = connection::open_reader(path, options)?;
        // The snapshot begins with the first look.
        reader.execute_batch("BEGIN")?;
        migrations::require_current(&migrate::status(&reader)?)?;
        *open = Open { connection: Some(reader), _lock: lock };
        Ok(())
    })
    .await
    .map_err(of_source)?;
    Ok((name, side))
}

/// Whether a move may begin, or go on, in a file, which need not exist. Changes nothing.
pub(crate) async fn inspect(path: PathBuf, source: &str, options: &MoveOptions) -> Result<Found, MoveError> {
    let (source, store) = (source.to_owned(), store_options(options));
    let looked = blocking(move || {
        if !path.exists() {
            return Ok(Ok(Found::Empty));
        }
        if let Some(by) = users::other_user(&path).map_err(|error| unavailable(&path, &error))? {
            return Ok(Err(MoveError::InUse { side: Side::Target, by }));
        }
        look(&connection::open_reader(&path, &store)?, &source)
    });
    looked.await.map_err(|error| MoveError::Store(Side::Target, error))?
}

fn look(connection: &Connection, source: &str) -> Result<Result<Found, MoveError>, StoreError> {
    if let Some(from) = unfinished(connection)? {
        if from != source {
            return Ok(Err(MoveError::OtherMove(from)));
        }
        let sql = "SELECT coalesce(sum(row_count), 0) FROM unfinished_move";
        let rows: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        return Ok(Ok(Found::Part(u64::try_from(rows).unwrap_or(0))));
    }
    let status = migrate::status(connection)?;
    for table in tables(connection)? {
        if status.current == 0 {
            return Ok(Err(MoveError::NotEmpty(format!("a table {table}"))));
        }
        let rows = format!("SELECT 1 FROM {table} LIMIT 1");
        let is_used = USED.contains(&table.as_str());
        if is_used && connection.query_row(&rows, [], |_| Ok(())).optional()?.is_some() {
            return Ok(Err(MoveError::NotEmpty(format!("rows in the table {table}"))));
        }
    }
    if status.current > 0 {
        migrations::require_current(&status)?;
    }
    Ok(Ok(Found::Empty))
}

/// A file to be written. Nothing is done before the move begins.
pub(crate) fn target(path: PathBuf, options: &MoveOptions) -> SqliteSide {
    SqliteSide { path, options: store_options(options), open: Arc::default() }
}

impl SqliteSide {
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Open, &Path, &StoreOptions) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (open, path, options) = (Arc::clone(&self.open), self.path.clone(), self.options.clone());
        blocking(move || {
            // A move that panicked is not gone on with.
            work(&mut open.lock().unwrap_or_else(PoisonError::into_inner), &path, &options)
        })
        .await
    }

    async fn with_connection<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.with(|open, path, _| {
            let connection = open.connection.as_mut();
            work(connection.ok_or_else(|| unavailable(path, &"it is not open"))?)
        })
        .await
    }
}

#[async_trait]
impl Readable for SqliteSide {
    async fn tables(&mut self) -> Result<Vec<Table>, StoreError> {
        self.with_connection(|connection| {
            tables(connection)?
                .into_iter()
                .map(|name| Table::whole(&name).map_or_else(|| describe(connection, &name), Ok))
                .collect()
        })
        .await
    }

    async fn count(&mut self, table: &Table) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {}", select(table));
        self.with_connection(move |connection| {
            let count: i64 = connection.query_row(&sql, [], |row| row.get(0))?;
            Ok(u64::try_from(count).unwrap_or(0))
        })
        .await
    }

    async fn read(
        &mut self,
        table: &Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let (table, after) = (table.clone(), after.cloned().unwrap_or_default());
        self.with_connection(move |connection| read(connection, &table, &after, limit)).await
    }
}

#[async_trait]
impl Writable for SqliteSide {
    async fn begin(&mut self, source: &str) -> Result<(), MoveError> {
        let source = source.to_owned();
        let begun = self.with(move |open, path, options| {
            // Makes the file and its directories; the lock is not to be had while somebody else does.
            let writer = connection::open_writer(path, options)?;
            if unfinished(&writer)?.is_none() {
                migrate::up(path, options, None)?;
            }
            let lock = connection::lock(path, migrate::LOCK_WAIT)?;
            migrations::require_current(&migrate::status_while_moving(&writer)?)?;
            writer.execute_batch(MARK)?;
            let sql = "INSERT OR IGNORE INTO unfinished_move VALUES (?1, ?2, NULL, 0, 1)";
            writer.execute(sql, (BEGUN, source))?;
            *open = Open { connection: Some(writer), _lock: Some(lock) };
            Ok(())
        });
        begun.await.map_err(|error| MoveError::Store(Side::Target, error))
    }

    async fn place(&mut self, table: &Table) -> Result<Place, StoreError> {
        let name = table.name.clone();
        self.with_connection(move |connection| {
            let sql = "SELECT last_key, row_count, done FROM unfinished_move WHERE table_name = ?1";
            let place = connection.query_row(sql, [name], |row| {
                let key: Option<String> = row.get(0)?;
                let rows = u64::try_from(row.get::<_, i64>(1)?).unwrap_or(0);
                Ok(Place { key: key.and_then(|key| decode_key(&key)), rows, done: row.get(2)? })
            });
            Ok(place.optional()?.unwrap_or_default())
        })
        .await
    }

    async fn write(
        &mut self,
        table: &Table,
        rows: Vec<Row>,
        from: &Place,
        to: &Place,
    ) -> Result<(), StoreError> {
        let (table, is_first, to) = (table.clone(), *from == Place::default(), to.clone());
        self.with_connection(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if is_first {
                transaction.execute(&format!("DELETE FROM {}", table.name), [])?;
            }
            let places: Vec<_> = (1..=table.columns.len()).map(|place| format!("?{place}")).collect();
            let sql = format!(
                "INSERT INTO {} ({}) VALUES ({})",
                table.name,
                table.column_list(),
                places.join(", ")
            );
            let mut insert = transaction.prepare(&sql)?;
            for row in rows {
                insert.execute(params_from_iter(row.into_iter().map(stored)))?;
            }
            drop(insert);
            let sql = "INSERT OR REPLACE INTO unfinished_move
                       SELECT ?1, source, ?2, ?3, ?4 FROM unfinished_move WHERE table_name = ?5";
            let key = to.key.as_deref().map(encode_key);
            let count = i64::try_from(to.rows).unwrap_or(i64::MAX);
            transaction.execute(sql, (&table.name, key, count, to.done, BEGUN))?;
            Ok(transaction.commit()?)
        })
        .await
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        self.with(|open, _, _| {
            if let Some(connection) = open.connection.take() {
                connection.execute_batch("DROP TABLE unfinished_move")?;
            }
            *open = Open::default();
            Ok(())
        })
        .await
    }
}

fn tables(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'
               AND name NOT IN ('schema_migrations', 'unfinished_move') ORDER BY name";
    let mut statement = connection.prepare(sql)?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn describe(connection: &Connection, name: &str) -> Result<Table, StoreError> {
    let mut statement = connection.prepare("SELECT name, pk FROM pragma_table_info(?1) ORDER BY pk")?;
    let columns = statement.query_map([name], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    let key: Vec<_> = columns.iter().filter(|(_, place)| *place > 0).map(|(name, _)| name.clone()).collect();
    if key.is_empty() {
        return Err(StoreError::Rejected(format!("the table {name} has no primary key").into()));
    }
    Ok(Table::new(name, columns.into_iter().map(|(name, _)| (name, None)).collect(), key))
}

/// What is read for a table: itself, or the form that both databases can be brought to.
fn select(table: &Table) -> &str {
    match table.name.as_str() {
        "queue_counts" => "(SELECT count, queue, state FROM queue_counts WHERE count <> 0)",
        "queues" => "(SELECT name, paused, CASE WHEN paused THEN paused_at END AS paused_at FROM queues)",
        name => name,
    }
}

fn read(
    connection: &Connection,
    table: &Table,
    after: &[Value],
    limit: usize,
) -> Result<Vec<Row>, StoreError> {
    let mut sql = format!("SELECT {} FROM {}", table.column_list(), select(table));
    if !table.is_whole() {
        let key = table.key.join(", ");
        if !after.is_empty() {
            let places: Vec<_> = (1..=after.len()).map(|place| format!("?{place}")).collect();
            sql.push_str(&format!(" WHERE ({key}) > ({})", places.join(", ")));
        }
        sql.push_str(&format!(" ORDER BY {key} LIMIT {limit}"));
    }
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(after.iter().cloned().map(stored)))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(table.columns.len());
        for place in 0..table.columns.len() {
            values.push(value(row.get_ref(place)?)?);
        }
        found.push(values);
    }
    Ok(found)
}

fn value(stored: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Real(number) => Value::Real(number),
        ValueRef::Text(text) => Value::Text(
            String::from_utf8(text.to_vec())
                .map_err(|_| StoreError::Corrupt("a text is not UTF-8".to_owned()))?,
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

fn stored(value: Value) -> Stored {
    match value {
        Value::Null => Stored::Null,
        Value::Integer(number) => Stored::Integer(number),
        Value::Real(number) => Stored::Real(number),
        Value::Text(text) => Stored::Text(text),
        Value::Bytes(bytes) => Stored::Blob(bytes),
    }
}

fn store_options(options: &MoveOptions) -> StoreOptions {
    StoreOptions { connect_timeout: options.connect_timeout, ..StoreOptions::default() }
}

fn unavailable(path: &Path, why: &dyn std::fmt::Display) -> StoreError {
    StoreError::Unavailable(format!("{}: {why}", path.display()).into())
}
