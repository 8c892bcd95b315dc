//! What a migration would do to a database, before it is done.

use std::collections::BTreeMap;

use super::{Action, Step, only_expands, statements};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To a newer schema.
    Up,
    /// To an older schema.
    Down,
}

/// The steps from the schema a database has to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationPlan {
    /// Which way.
    pub direction: Direction,
    /// The schema version the database has.
    pub from: u32,
    /// The schema version it would have.
    pub to: u32,
    /// One step for each migration, in order; each is a transaction.
    pub steps: Vec<PlannedStep>,
}

/// A migration that would be applied or reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStep {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Whether it only adds, so that programs of the schema before go on working: see [`super::only_expands`].
    pub only_adds: bool,
    /// What would be run, in order.
    pub statements: Vec<PlannedStatement>,
}

/// A statement that would be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedStatement {
    /// The statement.
    pub sql: String,
    /// What it keeps others from.
    pub lock: Lock,
    /// What it has to read or write.
    pub work: Work,
    /// What would be gone afterwards.
    pub loss: Loss,
}

/// What a statement keeps others from while its step runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Nobody from anything.
    None,
    /// Others from writing into the table it concerns.
    Writers,
    /// Others from writing into the database: SQLite has one writer.
    AllWriters,
    /// Others from the table it concerns.
    Everybody,
}

/// What a statement has to go through. Rows and bytes are those of now, indexes included in the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Next to nothing, however large the table is.
    Little,
    /// Reads the table.
    Reads {
        /// Its rows.
        rows: u64,
        /// Its bytes.
        bytes: u64,
    },
    /// Writes the table anew.
    Rewrites {
        /// Its rows.
        rows: u64,
        /// Its bytes.
        bytes: u64,
    },
    /// Not known.
    Unknown,
}

/// What a statement would lose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Nothing.
    Nothing,
    /// Rows of a table, or the values of a column in so many rows.
    Rows {
        /// The table, or the column as `table.column`.
        of: String,
        /// How many.
        rows: u64,
    },
    /// Not known, so it may be anything.
    Unknown,
}

impl MigrationPlan {
    /// A plan; `to` is what was asked for, and going up ends with the last step.
    pub(crate) fn new(direction: Direction, from: u32, to: Option<u32>, steps: Vec<PlannedStep>) -> Self {
        let to = match direction {
            Direction::Down => to.unwrap_or(from),
            Direction::Up => steps.last().map_or(from, |step| step.version),
        };
        Self { direction, from, to, steps }
    }

    /// Whether something would be lost, or may be.
    pub fn loses_data(&self) -> bool {
        let statements = self.steps.iter().flat_map(|step| &step.statements);
        statements.into_iter().any(|statement| statement.loss != Loss::Nothing)
    }
}

/// Which of the two databases, for what they do differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// How large the tables are that a plan concerns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sizes {
    /// Rows and bytes of each table that exists.
    pub(crate) tables: BTreeMap<String, (u64, u64)>,
    /// How many rows have a value in a column, by table and column.
    pub(crate) values: BTreeMap<(String, String), u64>,
}

/// What has to be measured before the steps can be planned: tables, and columns that would be dropped.
pub(crate) fn concerned(steps: &[Step]) -> (Vec<String>, Vec<(String, String)>) {
    let (mut tables, mut columns) = (Vec::new(), Vec::new());
    for action in steps.iter().flat_map(|step| statements(&step.sql)).flat_map(|read| read.actions) {
        if let Action::DropColumn { table, column } = &action {
            columns.push((table.clone(), column.clone()));
        }
        tables.extend(action.table().map(ToOwned::to_owned));
    }
    tables.sort();
    tables.dedup();
    (tables, columns)
}

/// Plans the steps for tables of these sizes.
pub(crate) fn planned(dialect: Dialect, steps: &[Step], sizes: &Sizes) -> Vec<PlannedStep> {
    let plan = |step: &Step| PlannedStep {
        version: step.version,
        name: step.name.clone(),
        only_adds: only_expands(&statements(&step.sql)),
        statements: statements(&step.sql)
            .into_iter()
            .map(|read| PlannedStatement {
                lock: strongest(read.actions.iter().map(|action| lock(dialect, action))),
                work: largest(read.actions.iter().map(|action| work(dialect, action, sizes))),
                loss: worst(read.actions.iter().map(|action| loss(action, sizes))),
                sql: read.sql,
            })
            .collect(),
    };
    steps.iter().map(plan).collect()
}

fn lock(dialect: Dialect, action: &Action) -> Lock {
    if dialect == Dialect::Sqlite {
        return Lock::AllWriters;
    }
    match action {
        // Nobody else sees the table before the step is committed.
        Action::CreateTable { .. } => Lock::None,
        // Other rows can be written meanwhile, and settings of storage do not concern who writes.
        Action::Insert { .. } | Action::Update { .. } | Action::Delete { .. } | Action::Settings { .. } => {
            Lock::None
        }
        Action::CreateIndex { .. } => Lock::Writers,
        Action::AddColumn { .. }
        | Action::DropColumn { .. }
        | Action::DropTable { .. }
        | Action::DropIndex { .. }
        | Action::Unknown => Lock::Everybody,
    }
}

fn work(dialect: Dialect, action: &Action, sizes: &Sizes) -> Work {
    let size = |table: &String| sizes.tables.get(table).copied().unwrap_or_default();
    match action {
        Action::CreateIndex { table, .. } => match size(table) {
            (0, _) => Work::Little,
            (rows, bytes) => Work::Reads { rows, bytes },
        },
        // PostgreSQL marks the column as gone; SQLite writes each row without it.
        Action::DropColumn { table, .. } if dialect == Dialect::Sqlite => rewrite(size(table)),
        Action::Update { table } | Action::Delete { table } => rewrite(size(table)),
        Action::Unknown => Work::Unknown,
        _ => Work::Little,
    }
}

fn rewrite((rows, bytes): (u64, u64)) -> Work {
    if rows == 0 { Work::Little } else { Work::Rewrites { rows, bytes } }
}

fn loss(action: &Action, sizes: &Sizes) -> Loss {
    let lost = |of: String, rows: u64| if rows == 0 { Loss::Nothing } else { Loss::Rows { of, rows } };
    let rows = |table: &String| sizes.tables.get(table).map_or(0, |(rows, _)| *rows);
    match action {
        Action::DropTable { table } | Action::Delete { table } | Action::Update { table } => {
            lost(table.clone(), rows(table))
        }
        Action::DropColumn { table, column } => {
            let values = sizes.values.get(&(table.clone(), column.clone())).copied().unwrap_or(0);
            lost(format!("{table}.{column}"), values)
        }
        Action::Unknown => Loss::Unknown,
        _ => Loss::Nothing,
    }
}

fn strongest(locks: impl Iterator<Item = Lock>) -> Lock {
    locks.max_by_key(|lock| *lock as u8).unwrap_or(Lock::None)
}

fn largest(works: impl Iterator<Item = Work>) -> Work {
    let rank = |work: &Work| match work {
        Work::Little => 0,
        Work::Reads { .. } => 1,
        Work::Rewrites { .. } => 2,
        Work::Unknown => 3,
    };
    works.max_by_key(rank).unwrap_or(Work::Little)
}

fn worst(losses: impl Iterator<Item = Loss>) -> Loss {
    let rank = |loss: &Loss| match loss {
        Loss::Nothing => (0, 0),
        Loss::Rows { rows, .. } => (1, *rows),
        Loss::Unknown => (2, 0),
    };
    losses.max_by_key(rank).unwrap_or(Loss::Nothing)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes() -> Sizes {
        Sizes {
            tables: [("full".to_owned(), (10, 4096)), ("empty".to_owned(), (0, 0))].into(),
            values: [(("full".to_owned(), "c".to_owned()), 3)].into(),
        }
    }

    fn one(dialect: Dialect, sql: &str) -> PlannedStatement {
        let step = Step { version: 1, name: "0001_first".to_owned(), sql: sql.to_owned() };
        planned(dialect, &[step], &sizes())[0].statements[0].clone()
    }

    #[test]
    fn what_would_be_lost_is_counted() {
        let loss = |sql| one(Dialect::Postgres, sql).loss;
        let rows = |of: &str, rows| Loss::Rows { of: of.to_owned(), rows };
        assert_eq!(loss("DROP TABLE full"), rows("full", 10));
        assert_eq!(loss("DROP TABLE empty"), Loss::Nothing);
        assert_eq!(loss("ALTER TABLE full DROP COLUMN c"), rows("full.c", 3));
        assert_eq!(loss("ALTER TABLE full DROP COLUMN d"), Loss::Nothing);
        assert_eq!(loss("TRUNCATE full"), Loss::Unknown);
        assert_eq!(loss("CREATE INDEX i ON full (c)"), Loss::Nothing);
    }

    #[test]
    fn the_databases_lock_and_write_differently() {
        let plan = |dialect, sql| (one(dialect, sql).lock, one(dialect, sql).work);
        let (rows, bytes) = (10, 4096);
        let drop = "ALTER TABLE full DROP COLUMN c";
        assert_eq!(plan(Dialect::Postgres, drop), (Lock::Everybody, Work::Little));
        assert_eq!(plan(Dialect::Sqlite, drop), (Lock::AllWriters, Work::Rewrites { rows, bytes }));
        let index = "CREATE INDEX i ON full (c)";
        assert_eq!(plan(Dialect::Postgres, index), (Lock::Writers, Work::Reads { rows, bytes }));
        assert_eq!(plan(Dialect::Postgres, "CREATE TABLE t (c text)"), (Lock::None, Work::Little));
        assert_eq!(plan(Dialect::Postgres, "DO $$ $$"), (Lock::Everybody, Work::Unknown));
    }
}
