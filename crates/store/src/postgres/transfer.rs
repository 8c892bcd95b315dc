//! A PostgreSQL database as one side of a move.

use std::collections::BTreeSet;

use async_trait::async_trait;
use taskward_core::Timestamp;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row as Stored, Transaction};
use uuid::Uuid;

use super::connection::Target;
use super::error::corrupt;
use super::{migrate, partitions, rows};
use crate::transfer::{
    Column, Found, Kind, MoveError, MoveOptions, Place, Readable, Row, Side, Table, USED, Value, Writable,
    decode_key, encode_key,
};
use crate::{StoreError, StoreOptions, migrations};

/// Marks a database that is not whole yet, and remembers how far each table is.
const MARK: &str = "CREATE TABLE IF NOT EXISTS unfinished_move (
    table_name text NOT NULL PRIMARY KEY,
    source text NOT NULL,
    last_key text,
    row_count bigint NOT NULL,
    done boolean NOT NULL
)";

/// The row of the mark that is there from the beginning, and stands for no table.
const BEGUN: &str = "";

/// A move takes the time it needs, and must not be taken for a service that uses the database.
const SESSION: &str = "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0;
    SET application_name = 'taskward-move'";

/// How long to wait for a program that has the lock and is about to end.
const LOCK_WAIT: &str = "SET lock_timeout = '30s'";

/// Rows of history that were created longer ago than this get no partition of their own.
const PARTITIONED_SECONDS: f64 = 400.0 * 86_400.0;

/// What a move to this database that was not finished was from.
pub(super) async fn unfinished(client: &Client) -> Result<Option<String>, StoreError> {
    let exists = "SELECT to_regclass('unfinished_move') IS NOT NULL";
    if !client.query_one(exists, &[]).await?.try_get::<_, bool>(0)? {
        return Ok(None);
    }
    let found = client.query_opt("SELECT source FROM unfinished_move LIMIT 1", &[]).await?;
    Ok(found.map(|row| row.try_get(0)).transpose()?)
}

/// A database that is read, or written.
pub(crate) struct PostgresSide {
    client: Client,
    target: Target,
    /// Days for whose history there is a partition, or was tried to be: in days since the Unix epoch.
    days: BTreeSet<i64>,
}

/// Opens a database to be read, in one snapshot; also says what it is called.
pub(crate) async fn source(url: &str, options: &MoveOptions) -> Result<(String, PostgresSide), MoveError> {
    let of_source = |error| MoveError::Store(Side::Source, error);
    let side = PostgresSide::connect(url, options).await.map_err(of_source)?;
    if let Some(by) = side.service().await.map_err(of_source)? {
        return Err(MoveError::InUse { side: Side::Source, by });
    }
    let begun = async {
        side.lock().await?;
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
        side.client.batch_execute(begin).await?;
        migrations::require_current(&migrate::read_status(&side.client).await?)
    };
    begun.await.map_err(of_source)?;
    Ok((side.target.describe(), side))
}

/// Whether a move may begin, or go on, in a database. Changes nothing.
pub(crate) async fn inspect(url: &str, source: &str, options: &MoveOptions) -> Result<Found, MoveError> {
    let of_target = |error| MoveError::Store(Side::Target, error);
    let side = PostgresSide::connect(url, options).await.map_err(of_target)?;
    if let Some(by) = side.service().await.map_err(of_target)? {
        return Err(MoveError::InUse { side: Side::Target, by });
    }
    look(&side.client, source).await.map_err(of_target)?
}

async fn look(client: &Client, source: &str) -> Result<Result<Found, MoveError>, StoreError> {
    if let Some(from) = unfinished(client).await? {
        if from != source {
            return Ok(Err(MoveError::OtherMove(from)));
        }
        let sql = "SELECT coalesce(sum(row_count), 0)::bigint FROM unfinished_move";
        let count: i64 = client.query_one(sql, &[]).await?.try_get(0)?;
        return Ok(Ok(Found::Part(rows::rows(count))));
    }
    let status = migrate::read_status(client).await?;
    for table in tables(client).await? {
        if status.current == 0 {
            return Ok(Err(MoveError::NotEmpty(format!("a table {table}"))));
        }
        let is_used = USED.contains(&table.as_str());
        if is_used && client.query_opt(&format!("SELECT 1 FROM {table} LIMIT 1"), &[]).await?.is_some() {
            return Ok(Err(MoveError::NotEmpty(format!("rows in the table {table}"))));
        }
    }
    if status.current > 0 {
        migrations::require_current(&status)?;
    }
    Ok(Ok(Found::Empty))
}

/// Opens a database to be written. Nothing is done before the move begins.
pub(crate) async fn target(url: &str, options: &MoveOptions) -> Result<PostgresSide, MoveError> {
    PostgresSide::connect(url, options).await.map_err(|error| MoveError::Store(Side::Target, error))
}

impl PostgresSide {
    async fn connect(url: &str, options: &MoveOptions) -> Result<Self, StoreError> {
        let store = StoreOptions { connect_timeout: options.connect_timeout, ..StoreOptions::default() };
        let target = Target::parse(url, &store)?;
        let client = target.connect().await?;
        client.batch_execute(SESSION).await?;
        Ok(Self { client, target, days: BTreeSet::new() })
    }

    /// A service that uses the database.
    async fn service(&self) -> Result<Option<String>, StoreError> {
        let sql = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'taskward'";
        let sessions: i64 = self.client.query_one(sql, &[]).await?.try_get(0)?;
        Ok((sessions > 0).then(|| format!("a service, with {sessions} connections,")))
    }

    /// Takes the lock without which no service starts, until this connection ends.
    async fn lock(&self) -> Result<(), StoreError> {
        self.client.batch_execute(LOCK_WAIT).await?;
        self.client.query("SELECT pg_advisory_lock($1)", &[&migrate::LOCK]).await?;
        Ok(self.client.batch_execute("SET lock_timeout = 0").await?)
    }

    async fn describe(&self, name: &str) -> Result<Table, StoreError> {
        let statement = self.client.prepare(&format!("SELECT * FROM {name}")).await?;
        let mut columns = Vec::new();
        for column in statement.columns() {
            let kind = kind(column.type_()).ok_or_else(|| {
                let (of, column) = (column.type_().name(), column.name());
                StoreError::Rejected(
                    format!("{name}.{column} is of the type {of}, which is not moved").into(),
                )
            })?;
            columns.push((column.name().to_owned(), Some(kind)));
        }
        let sql = "SELECT attname::text
            FROM pg_index CROSS JOIN LATERAL unnest(indkey::smallint[]) WITH ORDINALITY AS part (number, place)
            JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number
            WHERE indrelid = to_regclass($1) AND indisprimary
            ORDER BY place";
        let key = self.client.query(sql, &[&name]).await?;
        let key: Vec<String> = key.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
        if key.is_empty() {
            return Err(StoreError::Rejected(format!("the table {name} has no primary key").into()));
        }
        Ok(Table::new(name, columns, key))
    }

    /// Makes the partitions that rows of history belong to, so that they can be pruned by the day.
    async fn make_partitions(&mut self, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
        let Some(id) = table.columns.iter().position(|column| column.name == "id") else { return Ok(()) };
        let now = "SELECT extract(epoch FROM now())::float8";
        let now: f64 = self.client.query_one(now, &[]).await?.try_get(0)?;
        for row in rows {
            let Some(day) = day_of(&row[id]) else { continue };
            let seconds = day as f64 * 86_400.0;
            if seconds > now - PARTITIONED_SECONDS && seconds < now && self.days.insert(day) {
                partitions::create_day(&mut self.client, seconds).await?;
            }
        }
        Ok(())
    }
}

/// The day in which an id was made, in days since the Unix epoch: its first 48 bits are milliseconds.
fn day_of(id: &Value) -> Option<i64> {
    let Value::Bytes(bytes) = id else { return None };
    let millis = bytes.get(..6)?.iter().fold(0, |millis: i64, byte| millis << 8 | i64::from(*byte));
    Some(millis / 86_400_000)
}

#[async_trait]
impl Readable for PostgresSide {
    async fn tables(&mut self) -> Result<Vec<Table>, StoreError> {
        let mut found = Vec::new();
        for name in tables(&self.client).await? {
            found.push(match Table::whole(&name) {
                Some(table) => table,
                None => self.describe(&name).await?,
            });
        }
        Ok(found)
    }

    async fn count(&mut self, table: &Table) -> Result<u64, StoreError> {
        let sql = format!("SELECT count(*) FROM {} AS counted", select(table));
        Ok(rows::rows(self.client.query_one(&sql, &[]).await?.try_get(0)?))
    }

    async fn read(
        &mut self,
        table: &Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let mut sql = format!("SELECT {} FROM {} AS read", table.column_list(), select(table));
        let mut cells = Vec::new();
        if !table.is_whole() {
            let key = table.key.join(", ");
            if let Some(after) = after {
                let places: Vec<_> = (1..=after.len()).map(|place| format!("${place}")).collect();
                sql.push_str(&format!(" WHERE ({key}) > ({})", places.join(", ")));
                for (value, name) in after.iter().zip(&table.key) {
                    let column = table.columns.iter().find(|column| column.name == *name);
                    cells.push(cell(
                        value,
                        column.and_then(|column| column.kind).unwrap_or(Kind::Text),
                        false,
                    )?);
                }
            }
            sql.push_str(&format!(" ORDER BY {key} LIMIT {limit}"));
        }
        let params: Vec<&(dyn ToSql + Sync)> =
            cells.iter().map(|cell| &**cell as &(dyn ToSql + Sync)).collect();
        let found = self.client.query(&sql, &params).await?;
        found.iter().map(|row| values(row, &table.columns)).collect()
    }
}

#[async_trait]
impl Writable for PostgresSide {
    async fn begin(&mut self, source: &str) -> Result<(), MoveError> {
        let begun = async {
            if unfinished(&self.client).await?.is_none() {
                migrate::up(&self.target, None).await?;
            }
            self.lock().await?;
            migrations::require_current(&migrate::status_while_moving(&self.client).await?)?;
            self.client.batch_execute(MARK).await?;
            let sql = "INSERT INTO unfinished_move VALUES ($1, $2, NULL, 0, true) ON CONFLICT DO NOTHING";
            self.client.execute(sql, &[&BEGUN, &source]).await?;
            Ok(())
        };
        begun.await.map_err(|error| MoveError::Store(Side::Target, error))
    }

    async fn place(&mut self, table: &Table) -> Result<Place, StoreError> {
        let sql = "SELECT last_key, row_count, done FROM unfinished_move WHERE table_name = $1";
        let Some(row) = self.client.query_opt(sql, &[&table.name]).await? else {
            return Ok(Place::default());
        };
        let key: Option<String> = row.try_get(0)?;
        let key = key.and_then(|key| decode_key(&key));
        Ok(Place { key, rows: rows::rows(row.try_get(1)?), done: row.try_get(2)? })
    }

    async fn write(
        &mut self,
        table: &Table,
        rows: Vec<Row>,
        from: &Place,
        to: &Place,
    ) -> Result<(), StoreError> {
        if table.name == "history" {
            self.make_partitions(table, &rows).await?;
        }
        let transaction = self.client.transaction().await?;
        if *from == Place::default() {
            transaction.execute(&format!("DELETE FROM {}", table.name), &[]).await?;
        }
        match table.name.as_str() {
            "queues" => write_queues(&transaction, &rows).await?,
            "queue_counts" => write_counts(&transaction, &rows).await?,
            _ => copy(&transaction, table, &rows).await?,
        }
        let sql = "INSERT INTO unfinished_move SELECT $1, source, $2, $3, $4 FROM unfinished_move WHERE table_name = $5
            ON CONFLICT (table_name) DO UPDATE
            SET last_key = excluded.last_key, row_count = excluded.row_count, done = excluded.done";
        let key = to.key.as_deref().map(encode_key);
        let count = i64::try_from(to.rows).unwrap_or(i64::MAX);
        transaction.execute(sql, &[&table.name, &key, &count, &to.done, &BEGUN]).await?;
        Ok(transaction.commit().await?)
    }

    async fn finish(&mut self) -> Result<(), StoreError> {
        Ok(self.client.batch_execute("DROP TABLE unfinished_move").await?)
    }
}

async fn tables(client: &Client) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT relname::text FROM pg_class
               WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
                   AND relname NOT IN ('schema_migrations', 'unfinished_move')
               ORDER BY relname";
    Ok(client.query(sql, &[]).await?.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?)
}

/// What is read for a table: itself, or the form that both databases can be brought to.
fn select(table: &Table) -> &str {
    match table.name.as_str() {
        "queue_counts" => {
            "(SELECT sum(each.count)::bigint AS count, queue, each.state
              FROM queue_counts CROSS JOIN LATERAL (
                  VALUES ('created', created), ('scheduled', scheduled), ('available', available),
                      ('running', running), ('completed', completed), ('cancelled', cancelled), ('dead', dead)
              ) AS each (state, count)
              GROUP BY queue, each.state HAVING sum(each.count) <> 0)"
        }
        "queues" => "(SELECT name, paused, CASE WHEN paused THEN changed_at END AS paused_at FROM queues)",
        name => name,
    }
}

async fn copy(transaction: &Transaction<'_>, table: &Table, rows: &[Row]) -> Result<(), StoreError> {
    let kinds: Vec<Kind> = table.columns.iter().map(|column| column.kind.unwrap_or(Kind::Text)).collect();
    let types: Vec<Type> = kinds.iter().map(|kind| type_of(*kind)).collect();
    let sql = format!("COPY {} ({}) FROM STDIN BINARY", table.name, table.column_list());
    let writer = BinaryCopyInWriter::new(transaction.copy_in(&sql).await?, &types);
    let mut writer = std::pin::pin!(writer);
    for row in rows {
        let cells = row.iter().zip(&table.columns).zip(&kinds);
        let cells: Vec<Cell> = cells
            .map(|((value, column), kind)| cell(value, *kind, column.empty_is_null))
            .collect::<Result<_, _>>()?;
        let cells: Vec<&(dyn ToSql + Sync)> =
            cells.iter().map(|cell| &**cell as &(dyn ToSql + Sync)).collect();
        writer.as_mut().write(&cells).await?;
    }
    writer.finish().await?;
    Ok(())
}

async fn write_queues(transaction: &Transaction<'_>, rows: &[Row]) -> Result<(), StoreError> {
    let sql = "INSERT INTO queues (name, paused, changed_at) VALUES ($1, $2, coalesce($3, now()))";
    for row in rows {
        let [name, paused, paused_at] = &row[..] else { return Err(corrupt("a queue")) };
        let (name, paused) = (cell(name, Kind::Text, false)?, cell(paused, Kind::Truth, false)?);
        let paused_at = cell(paused_at, Kind::Moment, false)?;
        transaction.execute(sql, &[&*name, &*paused, &*paused_at]).await?;
    }
    Ok(())
}

async fn write_counts(transaction: &Transaction<'_>, rows: &[Row]) -> Result<(), StoreError> {
    const STATES: [&str; 7] =
        ["created", "scheduled", "available", "running", "completed", "cancelled", "dead"];
    for row in rows {
        let [Value::Integer(count), Value::Text(queue), Value::Text(state)] = &row[..] else {
            return Err(corrupt("a counter"));
        };
        let state =
            STATES.iter().find(|known| *known == state).ok_or_else(|| corrupt("a counter's state"))?;
        let sql = format!("INSERT INTO queue_counts (queue, {state}) VALUES ($1, $2)");
        transaction.execute(&sql, &[queue, count]).await?;
    }
    Ok(())
}

fn kind(of: &Type) -> Option<Kind> {
    Some(match *of {
        Type::UUID => Kind::Id,
        Type::TIMESTAMPTZ => Kind::Moment,
        Type::BOOL => Kind::Truth,
        Type::INT2 => Kind::Small,
        Type::INT4 => Kind::Medium,
        Type::INT8 => Kind::Large,
        Type::FLOAT8 => Kind::Real,
        Type::TEXT => Kind::Text,
        Type::TEXT_ARRAY => Kind::Texts,
        Type::BYTEA => Kind::Bytes,
        _ => return None,
    })
}

fn type_of(kind: Kind) -> Type {
    match kind {
        Kind::Id => Type::UUID,
        Kind::Moment => Type::TIMESTAMPTZ,
        Kind::Truth => Type::BOOL,
        Kind::Small => Type::INT2,
        Kind::Medium => Type::INT4,
        Kind::Large => Type::INT8,
        Kind::Real => Type::FLOAT8,
        Kind::Text => Type::TEXT,
        Kind::Texts => Type::TEXT_ARRAY,
        Kind::Bytes => Type::BYTEA,
    }
}

fn values(row: &Stored, columns: &[Column]) -> Result<Row, StoreError> {
    let value = |(place, column): (usize, &Column)| -> Result<Value, StoreError> {
        let value = match column.kind.unwrap_or(Kind::Text) {
            Kind::Id => row.try_get::<_, Option<Uuid>>(place)?.map(|id| Value::Bytes(id.as_bytes().to_vec())),
            Kind::Moment => {
                row.try_get::<_, Option<Timestamp>>(place)?.map(|at| Value::Integer(at.as_microsecond()))
            }
            Kind::Truth => row.try_get::<_, Option<bool>>(place)?.map(|so| Value::Integer(so.into())),
            Kind::Small => row.try_get::<_, Option<i16>>(place)?.map(|number| Value::Integer(number.into())),
            Kind::Medium => row.try_get::<_, Option<i32>>(place)?.map(|number| Value::Integer(number.into())),
            Kind::Large => row.try_get::<_, Option<i64>>(place)?.map(Value::Integer),
            Kind::Real => row.try_get::<_, Option<f64>>(place)?.map(Value::Real),
            Kind::Text => row.try_get::<_, Option<String>>(place)?.map(Value::Text),
            Kind::Texts => row
                .try_get::<_, Option<Vec<String>>>(place)?
                .map(|texts| Value::Text(serde_json::json!(texts).to_string())),
            Kind::Bytes => row.try_get::<_, Option<Vec<u8>>>(place)?.map(Value::Bytes),
        };
        let null = if column.empty_is_null { Value::Text("[]".to_owned()) } else { Value::Null };
        Ok(value.unwrap_or(null))
    };
    columns.iter().enumerate().map(value).collect()
}

/// A value on its way to the server.
type Cell = Box<dyn ToSql + Sync + Send>;

fn cell(value: &Value, kind: Kind, empty_is_null: bool) -> Result<Cell, StoreError> {
    let unfit = || corrupt(format!("a value that is no {kind:?}"));
    let integer = match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    };
    let text = match value {
        Value::Text(text) if empty_is_null && text == "[]" => None,
        Value::Text(text) => Some(text.clone()),
        _ => None,
    };
    let bytes = match value {
        Value::Bytes(bytes) => Some(bytes.clone()),
        _ => None,
    };
    let real = match value {
        Value::Real(number) => Some(*number),
        _ => None,
    };
    let fits = *value == Value::Null
        || match kind {
            Kind::Id | Kind::Bytes => bytes.is_some(),
            Kind::Moment | Kind::Truth | Kind::Small | Kind::Medium | Kind::Large => integer.is_some(),
            Kind::Real => real.is_some(),
            Kind::Text | Kind::Texts => matches!(value, Value::Text(_)),
        };
    if !fits {
        return Err(unfit());
    }
    Ok(match kind {
        Kind::Id => Box::new(bytes.map(|id| Uuid::from_slice(&id)).transpose().map_err(|_| unfit())?),
        Kind::Moment => Box::new(integer.map(Timestamp::from_microsecond).transpose().map_err(|_| unfit())?),
        Kind::Truth => Box::new(integer.map(|number| number != 0)),
        Kind::Small => Box::new(integer.map(i16::try_from).transpose().map_err(|_| unfit())?),
        Kind::Medium => Box::new(integer.map(i32::try_from).transpose().map_err(|_| unfit())?),
        Kind::Large => Box::new(integer),
        Kind::Real => Box::new(real),
        Kind::Text => Box::new(text),
        Kind::Texts => {
            let texts = text.map(|text| serde_json::from_str::<Vec<String>>(&text));
            Box::new(texts.transpose().map_err(|_| unfit())?)
        }
        Kind::Bytes => Box::new(bytes),
    })
}
