//! `taskward db move`: everything from one kind of database to the other.

use std::fmt;
use std::time::{Duration, Instant};

use serde::Serialize;
use taskward_store::transfer::{self as store, MoveError, MoveOptions};

/// What to move. URLs may hold passwords; names do not.
pub struct Transfer<'a> {
    /// The URL of the source.
    pub from: &'a str,
    /// What the source is called.
    pub from_name: String,
    /// The URL of the target.
    pub to: &'a str,
    /// What the target is called.
    pub to_name: String,
    /// Only look whether it would work, and how much it is.
    pub dry_run: bool,
}

/// What was moved, or would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MoveReport {
    /// The source.
    pub from: String,
    /// The target.
    pub to: String,
    /// Whether nothing was done.
    pub dry_run: bool,
    /// Rows of all tables.
    pub rows: u64,
    /// Rows that were in the target already, from a move that was cut off.
    pub resumed: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// Each table.
    pub tables: Vec<MovedTable>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MovedTable {
    /// Its name.
    pub table: String,
    /// Its rows: the same on both sides, unless it was a dry run.
    pub rows: u64,
    /// The checksum over all rows, the same on both sides; `None` in a dry run.
    pub checksum: Option<String>,
}

/// Moves everything, or goes on with a move that was cut off.
///
/// # Errors
/// See [`MoveError`].
pub async fn transfer(what: Transfer<'_>, options: &MoveOptions) -> Result<MoveReport, MoveError> {
    let began = Instant::now();
    let moved = if what.dry_run {
        store::plan(what.from, what.to, options).await?
    } else {
        store::run(what.from, what.to, options).await?
    };
    let tables: Vec<_> = moved.tables.into_iter().map(MovedTable::from).collect();
    Ok(MoveReport {
        from: what.from_name,
        to: what.to_name,
        dry_run: what.dry_run,
        rows: tables.iter().map(|table| table.rows).sum(),
        resumed: moved.resumed,
        seconds: began.elapsed().as_secs_f64(),
        tables,
    })
}

impl From<store::MovedTable> for MovedTable {
    fn from(moved: store::MovedTable) -> Self {
        let checksum = moved.checksum.map(|checksum| format!("{checksum:032x}"));
        Self { table: moved.table, rows: moved.rows, checksum }
    }
}

impl fmt::Display for MoveReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, rows, .. } = self;
        if self.dry_run {
            write!(f, "{from}: {rows} rows would be moved to {to}")?;
        } else {
            let took = Duration::from_secs_f64(self.seconds);
            write!(f, "{from}: {rows} rows moved to {to} in {took:.1?}, and the same on both sides")?;
        }
        if self.resumed > 0 {
            write!(f, "\n  {} of them were there already, from a move that was cut off", self.resumed)?;
        }
        for MovedTable { table, rows, checksum } in &self.tables {
            write!(f, "\n  {table:<17} {rows:>10} rows")?;
            if let Some(checksum) = checksum {
                write!(f, "  {checksum}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_says_what_is_on_both_sides() {
        let moved = store::MovedTable { table: "tasks".to_owned(), rows: 3, checksum: Some(255) };
        let report = MoveReport {
            from: "sqlite:a.db".to_owned(),
            to: "postgres://u@h/d".to_owned(),
            dry_run: false,
            rows: 3,
            resumed: 1,
            seconds: 2.0,
            tables: vec![moved.into()],
        };
        assert_eq!(
            report.to_string(),
            "sqlite:a.db: 3 rows moved to postgres://u@h/d in 2.0s, and the same on both sides\n  \
             1 of them were there already, from a move that was cut off\n  \
             tasks                      3 rows  000000000000000000000000000000ff"
        );
    }
}
