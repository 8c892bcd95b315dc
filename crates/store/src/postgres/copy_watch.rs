//! How far a program is that copies the tables of a database, one after another: `pg_dump`.

use std::collections::HashMap;

use tokio_postgres::Client;

use super::facts::patient;
use crate::StoreError;

/// The tables whose rows `pg_dump` copies, with their size on the disk and the rows that the server expects there.
const TABLES: &str =
    "SELECT oid, coalesce(pg_table_size(oid), 0), greatest(reltuples, 0)::bigint FROM pg_class
    WHERE relkind = 'r' AND relnamespace NOT IN
        (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_' OR nspname = 'information_schema')";

/// What is copied just now. Since version 14.
const COPIES: &str = "SELECT copy.relid, copy.tuples_processed
    FROM pg_stat_progress_copy copy JOIN pg_stat_activity activity USING (pid)
    WHERE activity.application_name = $1";

/// A session that watches a program which copies tables.
pub struct CopyWatch {
    client: Client,
    application: String,
    tables: Tables,
}

impl CopyWatch {
    /// Looks at the tables, before the program that calls itself `application` copies them.
    ///
    /// # Errors
    /// As [`super::PostgresStore::connect`].
    pub async fn connect(url: &str, application: &str) -> Result<Self, StoreError> {
        let client = patient(url).await?;
        let mut tables = Tables::default();
        for row in client.query(TABLES, &[]).await? {
            let (bytes, rows): (i64, i64) = (row.try_get(1)?, row.try_get(2)?);
            let table = Table { bytes: bytes.unsigned_abs(), rows: rows.unsigned_abs() };
            tables.all.insert(row.try_get(0)?, table);
        }
        Ok(Self { client, application: application.to_owned(), tables })
    }

    /// The bytes that all tables have on the disk.
    pub fn total(&self) -> u64 {
        self.tables.all.values().map(|table| table.bytes).sum()
    }

    /// How many of them are copied; `None` when no table is copied just now.
    ///
    /// # Errors
    /// [`StoreError::Rejected`] by a server before version 14, which does not say; [`StoreError::Unavailable`] and the like
    /// when the session has ended.
    pub async fn look(&mut self) -> Result<Option<u64>, StoreError> {
        let Some(row) = self.client.query_opt(COPIES, &[&self.application]).await? else { return Ok(None) };
        let rows: i64 = row.try_get(1)?;
        Ok(Some(self.tables.at(row.try_get(0)?, rows.unsigned_abs())))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Table {
    bytes: u64,
    /// As many as the server thinks; 0 where it does not know.
    rows: u64,
}

impl Table {
    /// The bytes that so many rows are.
    fn share(self, rows: u64) -> u64 {
        let share = u128::from(self.bytes) * u128::from(rows.min(self.rows)) / u128::from(self.rows.max(1));
        u64::try_from(share).unwrap_or(self.bytes)
    }
}

/// Tables by their number at the server.
#[derive(Debug, Default)]
struct Tables {
    all: HashMap<u32, Table>,
    current: Option<u32>,
    /// The bytes of those that were seen before the current one.
    before: u64,
}

impl Tables {
    /// How many bytes are copied when a table is at this row.
    fn at(&mut self, table: u32, rows: u64) -> u64 {
        if let Some(left) = self.current.replace(table).filter(|current| *current != table) {
            self.before += self.all.get(&left).copied().unwrap_or_default().bytes;
        }
        self.before + self.all.get(&table).copied().unwrap_or_default().share(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_count_by_their_rows_and_as_a_whole_when_they_are_done() {
        let all = [(1, 1000, 10), (2, 500, 0), (3, 300, 3)];
        let all = all.into_iter().map(|(table, bytes, rows)| (table, Table { bytes, rows })).collect();
        let mut tables = Tables { all, ..Tables::default() };
        assert_eq!(tables.at(1, 0), 0);
        assert_eq!(tables.at(1, 7), 700);
        assert_eq!(tables.at(1, 99), 1000, "more rows than the server thought");
        assert_eq!(tables.at(2, 50), 1000, "nobody knows how many there are");
        assert_eq!(tables.at(3, 1), 1600);
        assert_eq!(tables.at(9, 1), 1800, "a table that was made meanwhile");
    }
}
