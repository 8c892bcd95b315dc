//! Whether indexes say what their tables say, by reading each of them once, in the order it is stored in.
//!
//! Of each row the entries are made that the indexes should have, and of each index its entries are read. Both are the same
//! when as many entries have the same sum of hashes. The hash is keyed at random for each process, so entries that differ have the
//! same sum once in 2⁶⁴ times, whatever they are. Entries that are in order are found by a search, so nothing is searched.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::ops::Range;
use std::sync::LazyLock;

use rusqlite::types::ValueRef;
use rusqlite::{Connection, Row};

use super::index::Index;
use super::quoted;
use crate::StoreError;

static HASHING: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The rowid's length in an entry.
const ROWID: usize = size_of::<i64>();

/// What a table holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) rows: u64,
    /// Of a table of tasks: how many are in each state.
    pub(super) states: BTreeMap<String, u64>,
    /// What each index should have.
    pub(super) expected: Vec<Entries>,
}

/// Entries of an index, whatever their order.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entries {
    count: u64,
    sum: u64,
}

/// Where a row that was read has what an index should have of it.
struct Place {
    columns: Range<usize>,
    condition: Option<usize>,
}

/// An entry of an index as bytes that have its order: the key, and the rowid.
#[derive(Debug, Default)]
struct Entry {
    bytes: Vec<u8>,
    /// A key with NULL in it may be there more than once.
    has_null: bool,
}

/// Reads a table's rows.
pub(super) fn read(
    connection: &Connection,
    table: &str,
    is_of_tasks: bool,
    indexes: &[Index],
) -> Result<Contents, StoreError> {
    let state = if is_of_tasks { "state" } else { "NULL" };
    let mut selected = vec!["rowid".to_owned(), state.to_owned()];
    let places: Vec<Place> = indexes.iter().map(|index| Place::select(index, &mut selected)).collect();
    let sql = format!("SELECT {} FROM {} NOT INDEXED", selected.join(", "), quoted(table));
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut states, mut entry) = (Vec::new(), Entry::default());
    let mut contents = Contents { expected: vec![Entries::default(); indexes.len()], ..Contents::default() };
    while let Some(row) = rows.next()? {
        contents.rows += 1;
        count_state(&mut states, row.get_ref(1)?);
        for (place, entries) in places.iter().zip(&mut contents.expected) {
            if place.holds(row)? {
                entry.read(row, place.columns.clone())?;
                entries.add(&entry);
            }
        }
    }
    contents.states.extend(states);
    Ok(contents)
}

/// Reads an index; says what is wrong with it.
pub(super) fn compare(
    connection: &Connection,
    table: &str,
    index: &Index,
    expected: Entries,
) -> Result<Option<String>, StoreError> {
    let columns: String = index.columns.iter().map(|column| format!(", {column}")).collect();
    let condition = index.condition.as_ref().map_or(String::new(), |condition| format!(" WHERE {condition}"));
    let (table, name) = (quoted(table), quoted(&index.name));
    // Without ORDER BY an index is read in the order it has.
    let sql = format!("SELECT rowid{columns} FROM {table} INDEXED BY {name}{condition}");
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let (mut entries, mut before, mut entry) = (Entries::default(), Entry::default(), Entry::default());
    while let Some(row) = rows.next()? {
        entry.read(row, 1..1 + index.columns.len())?;
        if entries.count > 0 {
            if before.bytes >= entry.bytes {
                return Ok(Some(format!("index {} is not in order", index.name)));
            }
            if index.unique && !entry.has_null && before.key() == entry.key() {
                return Ok(Some(format!("non-unique entry in index {}", index.name)));
            }
        }
        entries.add(&entry);
        std::mem::swap(&mut before, &mut entry);
    }
    let (has, should) = (entries.count, expected.count);
    Ok((entries != expected).then(|| {
        format!("index {} does not say what its table says: {has} entries for {should} rows", index.name)
    }))
}

fn count_state(states: &mut Vec<(String, u64)>, state: ValueRef<'_>) {
    let ValueRef::Text(state) = state else { return };
    match states.iter_mut().find(|(name, _)| name.as_bytes() == state) {
        Some((_, count)) => *count += 1,
        None => states.push((String::from_utf8_lossy(state).into_owned(), 1)),
    }
}

impl Place {
    /// Adds what is to be read.
    fn select(index: &Index, selected: &mut Vec<String>) -> Self {
        let begin = selected.len();
        selected.extend(index.columns.iter().cloned());
        let columns = begin..selected.len();
        let condition = index.condition.as_ref().map(|condition| {
            selected.push(format!("({condition})"));
            columns.end
        });
        Self { columns, condition }
    }

    /// Whether the row is in the index.
    fn holds(&self, row: &Row<'_>) -> Result<bool, StoreError> {
        let Some(condition) = self.condition else { return Ok(true) };
        Ok(row.get::<_, Option<bool>>(condition)? == Some(true))
    }
}

impl Entries {
    fn add(&mut self, entry: &Entry) {
        self.count += 1;
        self.sum = self.sum.wrapping_add(HASHING.hash_one(entry.bytes.as_slice()));
    }
}

impl Entry {
    /// Takes these columns as the key; the rowid is the row's first.
    fn read(&mut self, row: &Row<'_>, columns: Range<usize>) -> Result<(), StoreError> {
        self.bytes.clear();
        self.has_null = false;
        for column in columns {
            self.push(row.get_ref(column)?);
        }
        self.push_number(row.get(0)?);
        Ok(())
    }

    /// NULL is before numbers, these before texts, these before blobs.
    fn push(&mut self, value: ValueRef<'_>) {
        match value {
            ValueRef::Null => {
                self.has_null = true;
                self.bytes.push(0);
            }
            ValueRef::Integer(number) => {
                self.bytes.push(1);
                self.push_number(number);
            }
            // Not in the columns that are compared here, unless the file is damaged, which the quick check says.
            ValueRef::Real(number) => {
                self.bytes.push(2);
                self.bytes.extend(number.to_be_bytes());
            }
            ValueRef::Text(text) => {
                self.bytes.push(3);
                self.push_bytes(text);
            }
            ValueRef::Blob(blob) => {
                self.bytes.push(4);
                self.push_bytes(blob);
            }
        }
    }

    fn push_number(&mut self, number: i64) {
        self.bytes.extend((number ^ i64::MIN).to_be_bytes());
    }

    /// What is a beginning of another comes before it: zero ends the bytes, and one within them is told apart.
    fn push_bytes(&mut self, bytes: &[u8]) {
        for part in bytes.split_inclusive(|byte| *byte == 0) {
            self.bytes.extend_from_slice(part);
            if part.ends_with(&[0]) {
                self.bytes.push(u8::MAX);
            }
        }
        self.bytes.extend([0, 0]);
    }

    fn key(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - ROWID]
    }
}
