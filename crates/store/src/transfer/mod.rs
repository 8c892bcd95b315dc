//! Moving everything from one kind of database to the other.
//!
//! The source is read in one snapshot and never written. Rows go in batches, in the order of their keys, each with the
//! place it ends at in one transaction, so a move that was cut off goes on where it was. While it is not finished the
//! target says so itself (`unfinished_move`), and no program works on it. In the end both sides are
//! read again and compared, table by table.

mod table;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

pub(crate) use table::{Column, Kind, Row, Table, Value, decode_key, encode_key};

use crate::open::Address;
use crate::{StoreError, postgres, sqlite};

/// Rows of the first batch. The next ones grow or shrink with what the rows weigh.
const BATCH_FIRST: usize = 64;
/// Rows of a batch, at most.
const BATCH_MAX: usize = 4096;
/// A batch that weighs less is followed by a larger one, one that weighs four times as much by a smaller one.
const BATCH_BYTES: usize = 4 << 20;

/// The tables that hold what users did: a target must not have any of it.
pub(crate) const USED: [&str; 6] =
    ["tasks", "history", "queues", "queue_counts", "idempotency_keys", "workers"];

/// How to move.
#[derive(Clone)]
pub struct MoveOptions {
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// Told whenever it got further.
    pub observe: Arc<dyn Fn(MoveProgress) + Send + Sync>,
}

/// How far a move is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoveProgress {
    /// What it does.
    pub stage: Stage,
    /// The table it is at.
    pub table: String,
    /// Rows of all tables that are done.
    pub rows: u64,
    /// Rows there are.
    pub total: u64,
}

/// What a move does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Copies rows.
    Copying,
    /// Reads both sides and compares.
    Comparing,
}

/// One of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that is read.
    Source,
    /// The one that is written.
    Target,
}

/// What would be moved, or was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The rows of each table.
    pub tables: Vec<MovedTable>,
    /// Rows that were in the target already, from a move that was cut off.
    pub resumed: u64,
}

/// A table that is, or would be, moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MovedTable {
    /// Its name.
    pub table: String,
    /// Its rows.
    pub rows: u64,
    /// The sum over all rows of the first 16 bytes of their SHA-256, the same on both sides whatever their order; `None`
    /// before they were compared.
    pub checksum: Option<u128>,
}

/// Why nothing was moved, or not everything.
#[derive(Debug, thiserror::Error)]
pub enum MoveError {
    /// One side has to be SQLite, the other PostgreSQL.
    #[error("both databases are of the same kind")]
    SameKind,
    /// A database does not do what it should. Nothing was copied.
    #[error("the {} cannot be used", match .0 { Side::Source => "source", Side::Target => "target" })]
    Store(Side, #[source] StoreError),
    /// The same, with a part of the rows in the target. The same call goes on where it was.
    #[error("the {} cannot be used any more", match .0 { Side::Source => "source", Side::Target => "target" })]
    CutOff(Side, #[source] StoreError),
    /// Somebody works on a database. Nothing was changed.
    #[error("{by} uses the {}", match .side { Side::Source => "source", Side::Target => "target" })]
    InUse {
        /// Which.
        side: Side,
        /// Who, as far as that is known.
        by: String,
    },
    /// The target holds something. Nothing was changed.
    #[error("the target is not empty: it has {0}")]
    NotEmpty(String),
    /// The target holds a part of another database. Nothing was changed.
    #[error("the target holds a part of {0}, whose move was not finished")]
    OtherMove(String),
    /// The two schemas have nothing that corresponds. Nothing was copied; the target has a schema.
    #[error("the schemas do not fit: {0}")]
    Unfit(String),
    /// The two sides are not the same afterwards.
    #[error(
        "{table} differs: {source_rows} rows in the source, {target_rows} in the target, or with other contents"
    )]
    Differs {
        /// The table.
        table: String,
        /// Its rows in the source.
        source_rows: u64,
        /// Its rows in the target.
        target_rows: u64,
    },
}

/// What a move has found in the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Nothing: the schema has to be made, unless it is there.
    Empty,
    /// A part of this source, with so many rows.
    Part(u64),
}

/// Where the copy of a table is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Place {
    /// The key of the last row that was copied; `None` before the first.
    pub(crate) key: Option<Row>,
    /// Rows that were copied.
    pub(crate) rows: u64,
    /// Whether there are no more.
    pub(crate) done: bool,
}

/// A database that is read.
#[async_trait]
pub(crate) trait Readable: Send {
    /// The tables there are, as this kind of database knows them.
    async fn tables(&mut self) -> Result<Vec<Table>, StoreError>;
    /// How many rows a table has.
    async fn count(&mut self, table: &Table) -> Result<u64, StoreError>;
    /// The rows after a key, in the order of keys. Tables that are read as a whole come at once.
    async fn read(
        &mut self,
        table: &Table,
        after: Option<&Row>,
        limit: usize,
    ) -> Result<Vec<Row>, StoreError>;
}

/// A database that is written.
#[async_trait]
pub(crate) trait Writable: Readable {
    /// Brings the schema up to date, takes the database for this move and marks it as unfinished, unless it is.
    async fn begin(&mut self, source: &str) -> Result<(), MoveError>;
    /// Where the copy of a table is.
    async fn place(&mut self, table: &Table) -> Result<Place, StoreError>;
    /// Writes rows and where the copy is then, in one transaction. What a fresh table holds is removed first.
    async fn write(
        &mut self,
        table: &Table,
        rows: Vec<Row>,
        from: &Place,
        to: &Place,
    ) -> Result<(), StoreError>;
    /// Takes the mark away.
    async fn finish(&mut self) -> Result<(), StoreError>;
}

/// What would be moved. Changes nothing, and makes no file.
///
/// # Errors
/// As [`run`].
pub async fn plan(from: &str, to: &str, options: &MoveOptions) -> Result<Moved, MoveError> {
    let (mut source, target) = open(from, to, options).await?;
    let found = target.inspect(&source.name, options).await?;
    let of_source = |error| MoveError::Store(Side::Source, error);
    let mut tables = Vec::new();
    for table in source.side.tables().await.map_err(of_source)? {
        let rows = source.side.count(&table).await.map_err(of_source)?;
        tables.push(MovedTable { table: table.name, rows, checksum: None });
    }
    let resumed = if let Found::Part(rows) = found { rows } else { 0 };
    Ok(Moved { tables, resumed })
}

/// Moves everything in `from` to `to`, or goes on with that.
///
/// # Errors
/// See [`MoveError`].
pub async fn run(from: &str, to: &str, options: &MoveOptions) -> Result<Moved, MoveError> {
    let (mut source, target) = open(from, to, options).await?;
    let found = target.inspect(&source.name, options).await?;
    let mut target = target.open(options).await?;
    target.begin(&source.name).await?;
    let tables = fill(&mut *source.side, &mut *target, options).await.map_err(|error| match error {
        MoveError::Store(side, error) => MoveError::CutOff(side, error),
        other => other,
    })?;
    let resumed = if let Found::Part(rows) = found { rows } else { 0 };
    Ok(Moved { tables, resumed })
}

/// Copies everything that is not there yet, compares, and takes the mark away.
async fn fill(
    source: &mut dyn Readable,
    target: &mut dyn Writable,
    options: &MoveOptions,
) -> Result<Vec<MovedTable>, MoveError> {
    let tables = fit(source, target).await?;
    let mut progress = Watch { options, stage: Stage::Copying, rows: 0, total: 0 };
    for table in &tables {
        let rows = source.count(table).await;
        progress.total += rows.map_err(|error| MoveError::Store(Side::Source, error))?;
    }
    for table in &tables {
        copy(source, target, table, &mut progress).await?;
    }
    let mut progress = Watch { stage: Stage::Comparing, rows: 0, ..progress };
    let mut moved = Vec::new();
    for table in &tables {
        moved.push(compare(source, target, table, &mut progress).await?);
    }
    target.finish().await.map_err(|error| MoveError::Store(Side::Target, error))?;
    Ok(moved)
}

/// The source, opened.
struct Source {
    /// What the target remembers it by. Holds no secret.
    name: String,
    side: Box<dyn Readable>,
}

/// The target, not touched yet.
enum Target {
    Sqlite(PathBuf),
    Postgres(String),
}

async fn open(from: &str, to: &str, options: &MoveOptions) -> Result<(Source, Target), MoveError> {
    let address = |url, side| Address::of(url).map_err(|error| MoveError::Store(side, error));
    match (address(from, Side::Source)?, address(to, Side::Target)?) {
        (Address::Sqlite(path), Address::Postgres(url)) => {
            let (name, side) = sqlite::transfer::source(path, options).await?;
            Ok((Source { name, side: Box::new(side) }, Target::Postgres(url.to_owned())))
        }
        (Address::Postgres(url), Address::Sqlite(path)) => {
            let (name, side) = postgres::transfer::source(url, options).await?;
            Ok((Source { name, side: Box::new(side) }, Target::Sqlite(path)))
        }
        _ => Err(MoveError::SameKind),
    }
}

impl Target {
    /// Whether a move from `source` may begin, or go on, here. Changes nothing.
    async fn inspect(&self, source: &str, options: &MoveOptions) -> Result<Found, MoveError> {
        match self {
            Self::Sqlite(path) => sqlite::transfer::inspect(path.clone(), source, options).await,
            Self::Postgres(url) => postgres::transfer::inspect(url, source, options).await,
        }
    }

    async fn open(self, options: &MoveOptions) -> Result<Box<dyn Writable>, MoveError> {
        Ok(match self {
            Self::Sqlite(path) => Box::new(sqlite::transfer::target(path, options)),
            Self::Postgres(url) => Box::new(postgres::transfer::target(&url, options).await?),
        })
    }
}

/// The tables as both sides know them.
async fn fit(source: &mut dyn Readable, target: &mut dyn Writable) -> Result<Vec<Table>, MoveError> {
    let mut theirs = target.tables().await.map_err(|error| MoveError::Store(Side::Target, error))?;
    let mut tables = Vec::new();
    for ours in source.tables().await.map_err(|error| MoveError::Store(Side::Source, error))? {
        match theirs.iter().position(|table| table.name == ours.name) {
            Some(at) => tables.push(ours.fit(theirs.swap_remove(at)).map_err(MoveError::Unfit)?),
            None => {
                let rows =
                    source.count(&ours).await.map_err(|error| MoveError::Store(Side::Source, error))?;
                // What only one kind of database has a table for is no loss while the table is empty.
                if rows > 0 {
                    return Err(MoveError::Unfit(format!("the target has no table {}", ours.name)));
                }
            }
        }
    }
    Ok(tables)
}

/// Tells how far it is.
struct Watch<'a> {
    options: &'a MoveOptions,
    stage: Stage,
    rows: u64,
    total: u64,
}

impl Watch<'_> {
    fn further(&mut self, table: &Table, rows: u64) {
        self.rows += rows;
        (self.options.observe)(MoveProgress {
            stage: self.stage,
            table: table.name.clone(),
            rows: self.rows,
            total: self.total,
        });
    }
}

async fn copy(
    source: &mut dyn Readable,
    target: &mut dyn Writable,
    table: &Table,
    progress: &mut Watch<'_>,
) -> Result<(), MoveError> {
    let of_target = |error| MoveError::Store(Side::Target, error);
    let mut place = target.place(table).await.map_err(of_target)?;
    progress.further(table, place.rows);
    let mut limit = BATCH_FIRST;
    while !place.done {
        let read = source.read(table, place.key.as_ref(), limit).await;
        let rows = read.map_err(|error| MoveError::Store(Side::Source, error))?;
        let read = rows.len();
        let done = read < limit || table.is_whole();
        limit = next_limit(limit, rows.iter().map(|row| table::weight(row)).sum());
        let key = rows.last().map(|row| table.key_of(row)).or_else(|| place.key.clone());
        let next = Place { key, rows: place.rows + read as u64, done };
        target.write(table, rows, &place, &next).await.map_err(of_target)?;
        progress.further(table, read as u64);
        place = next;
    }
    Ok(())
}

fn next_limit(limit: usize, bytes: usize) -> usize {
    if bytes < BATCH_BYTES {
        (limit * 2).min(BATCH_MAX)
    } else if bytes > 4 * BATCH_BYTES {
        (limit / 2).max(1)
    } else {
        limit
    }
}

async fn compare(
    source: &mut dyn Readable,
    target: &mut dyn Writable,
    table: &Table,
    progress: &mut Watch<'_>,
) -> Result<MovedTable, MoveError> {
    let (source_rows, checksum) =
        digest(source, table, Some(progress)).await.map_err(|error| MoveError::Store(Side::Source, error))?;
    let (target_rows, found) =
        digest(target, table, None).await.map_err(|error| MoveError::Store(Side::Target, error))?;
    if (source_rows, checksum) != (target_rows, found) {
        return Err(MoveError::Differs { table: table.name.clone(), source_rows, target_rows });
    }
    Ok(MovedTable { table: table.name.clone(), rows: source_rows, checksum: Some(checksum) })
}

/// Reads a table as a whole: its rows, and the sum of their hashes.
async fn digest<R: Readable + ?Sized>(
    side: &mut R,
    table: &Table,
    mut progress: Option<&mut Watch<'_>>,
) -> Result<(u64, u128), StoreError> {
    let (mut count, mut sum, mut after, mut limit) = (0, 0_u128, None, BATCH_FIRST);
    loop {
        let rows = side.read(table, after.as_ref(), limit).await?;
        count += rows.len() as u64;
        sum = rows.iter().fold(sum, |sum, row| sum.wrapping_add(table::hash(row)));
        if let Some(progress) = progress.as_deref_mut() {
            progress.further(table, rows.len() as u64);
        }
        if rows.len() < limit || table.is_whole() {
            return Ok((count, sum));
        }
        after = rows.last().map(|row| table.key_of(row));
        limit = next_limit(limit, rows.iter().map(|row| table::weight(row)).sum());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_follow_what_rows_weigh() {
        assert_eq!(next_limit(64, 1000), 128);
        assert_eq!(next_limit(BATCH_MAX, 1000), BATCH_MAX);
        assert_eq!(next_limit(64, BATCH_BYTES * 2), 64);
        assert_eq!(next_limit(64, BATCH_BYTES * 5), 32);
        assert_eq!(next_limit(1, BATCH_BYTES * 5), 1);
    }
}
