//! `taskward migrate plan`: what a migration would do, before it is done.

use std::fmt;

use serde::Serialize;
use taskward_store::migrations::{self, MigrationPlan, PlannedStep, Work};
use taskward_store::{StoreAdmin, StoreError};

/// Which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// To a newer schema.
    Up,
    /// To an older schema.
    Down,
}

/// What would be done to a schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanReport {
    /// Which database; holds no secret.
    pub database: String,
    /// Which way.
    pub direction: Direction,
    /// The version it has.
    pub from: u32,
    /// The version it would have.
    pub to: u32,
    /// Whether data would be lost, or may be.
    pub loses_data: bool,
    /// The migrations that would be applied or reverted, in that order, each in a transaction.
    pub steps: Vec<PlannedMigration>,
}

/// A migration that would be applied or reverted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedMigration {
    /// Its number.
    pub version: u32,
    /// Its name.
    pub name: String,
    /// Whether it only adds, so that programs of the schema before go on working.
    pub only_adds: bool,
    /// What would be run, in order.
    pub statements: Vec<PlannedStatement>,
}

/// A statement that would be run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlannedStatement {
    /// The statement.
    pub sql: String,
    /// Who has to wait while its migration runs: `nobody`, `writers` of the table, `all_writers` of the database,
    /// `everybody` who uses the table.
    pub blocks: &'static str,
    /// What it has to go through: `little`, `reads` the table, `rewrites` the table, `unknown`.
    pub work: &'static str,
    /// The rows it has to go through now.
    pub rows: u64,
    /// Their bytes, indexes included.
    pub bytes: u64,
    /// What would be lost.
    pub loses: Option<Loss>,
}

/// What a statement would lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The table, or the column as `table.column`; `None` when that is not known.
    pub of: Option<String>,
    /// In how many rows, where that is known.
    pub rows: Option<u64>,
}

/// Plans the way to the schema version `to`, all the way up by default. Counts the rows that are concerned.
///
/// # Errors
/// Any [`StoreError`]; a schema that there is no way from is one.
pub async fn plan(store: &dyn StoreAdmin, to: Option<u32>) -> Result<PlanReport, StoreError> {
    Ok(PlanReport::new(store.describe(), store.migration_plan(to).await?))
}

impl PlanReport {
    pub(super) fn new(database: String, plan: MigrationPlan) -> Self {
        Self {
            database,
            direction: match plan.direction {
                migrations::Direction::Up => Direction::Up,
                migrations::Direction::Down => Direction::Down,
            },
            from: plan.from,
            to: plan.to,
            loses_data: plan.loses_data(),
            steps: plan.steps.into_iter().map(PlannedMigration::from).collect(),
        }
    }

    /// Whether it can be done by itself, with nobody watching: it only adds, so nothing is lost and whatever runs goes on.
    #[must_use]
    pub fn is_harmless(&self) -> bool {
        self.direction == Direction::Up && !self.loses_data && self.steps.iter().all(|step| step.only_adds)
    }

    /// What would be lost, in words: `history (12 rows), tasks.note (3 rows)`.
    #[must_use]
    pub fn losses(&self) -> String {
        let statements = self.steps.iter().flat_map(|step| &step.statements);
        let losses: Vec<_> =
            statements.filter_map(|statement| statement.loses.as_ref()).map(Loss::to_string).collect();
        losses.join(", ")
    }
}

impl From<PlannedStep> for PlannedMigration {
    fn from(step: PlannedStep) -> Self {
        let statements = step.statements.into_iter().map(PlannedStatement::from).collect();
        Self { version: step.version, name: step.name, only_adds: step.only_adds, statements }
    }
}

impl From<migrations::PlannedStatement> for PlannedStatement {
    fn from(statement: migrations::PlannedStatement) -> Self {
        let (work, rows, bytes) = match statement.work {
            Work::Little => ("little", 0, 0),
            Work::Reads { rows, bytes } => ("reads", rows, bytes),
            Work::Rewrites { rows, bytes } => ("rewrites", rows, bytes),
            Work::Unknown => ("unknown", 0, 0),
        };
        let blocks = match statement.lock {
            migrations::Lock::None => "nobody",
            migrations::Lock::Writers => "writers",
            migrations::Lock::AllWriters => "all_writers",
            migrations::Lock::Everybody => "everybody",
        };
        let loses = match statement.loss {
            migrations::Loss::Nothing => None,
            migrations::Loss::Rows { of, rows } => Some(Loss { of: Some(of), rows: Some(rows) }),
            migrations::Loss::Unknown => Some(Loss { of: None, rows: None }),
        };
        Self { sql: statement.sql, blocks, work, rows, bytes, loses }
    }
}

impl fmt::Display for PlanReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { database, from, to, .. } = self;
        if self.steps.is_empty() {
            return write!(f, "{database}: nothing to do at schema version {from}");
        }
        let verb = match self.direction {
            Direction::Up => "apply",
            Direction::Down => "revert",
        };
        write!(f, "{database}: schema version {from} would become {to}")?;
        for step in &self.steps {
            write!(f, "\n\n{verb} {}, in one transaction", step.name)?;
            if self.direction == Direction::Up && step.only_adds {
                write!(f, "; it only adds, and what runs goes on")?;
            }
            step.statements.iter().try_for_each(|statement| write!(f, "\n{statement}"))?;
        }
        match self.losses().as_str() {
            "" => write!(f, "\n\nnothing would be lost"),
            losses => write!(f, "\n\nwould be lost: {losses}"),
        }
    }
}

impl fmt::Display for PlannedStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.sql.lines() {
            writeln!(f, "    {line}")?;
        }
        let blocks = match self.blocks {
            "writers" => "those who write the table",
            "all_writers" => "those who write",
            "everybody" => "those who use the table",
            nobody => nobody,
        };
        let megabytes = self.bytes.div_ceil(1_000_000);
        let work = match self.work {
            "reads" | "rewrites" => format!("{} {} rows, {megabytes} MB", self.work, self.rows),
            other => other.to_owned(),
        };
        write!(f, "      blocks {blocks}; work: {work}")?;
        match &self.loses {
            Some(loss) => write!(f, "; LOSES {loss}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.of, self.rows) {
            (Some(of), Some(rows)) => write!(f, "{of} ({rows} rows)"),
            _ => f.write_str("nobody knows what"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_says_what_would_be_lost() {
        let statement = migrations::PlannedStatement {
            sql: "DROP TABLE history".to_owned(),
            lock: migrations::Lock::Everybody,
            work: Work::Little,
            loss: migrations::Loss::Rows { of: "history".to_owned(), rows: 7 },
        };
        let step = PlannedStep {
            version: 1,
            name: "0001_tasks".to_owned(),
            only_adds: false,
            statements: vec![statement],
        };
        let direction = migrations::Direction::Down;
        let plan = MigrationPlan { direction, from: 1, to: 0, steps: vec![step] };
        let report = PlanReport::new("sqlite:x.db".to_owned(), plan);
        assert!(report.loses_data);
        assert_eq!(
            report.to_string(),
            "sqlite:x.db: schema version 1 would become 0\n\nrevert 0001_tasks, in one transaction\n    \
             DROP TABLE history\n      blocks those who use the table; work: little; LOSES history (7 rows)\n\n\
             would be lost: history (7 rows)"
        );
    }

    #[test]
    fn only_what_adds_is_done_by_itself() {
        let plan = |only_adds, loss| {
            let (lock, work) = (migrations::Lock::None, Work::Little);
            let statement = migrations::PlannedStatement { sql: String::new(), lock, work, loss };
            let statements = vec![statement];
            let step = PlannedStep { version: 2, name: "0002_second".to_owned(), only_adds, statements };
            let direction = migrations::Direction::Up;
            let plan = MigrationPlan { direction, from: 1, to: 2, steps: vec![step] };
            PlanReport::new("sqlite:x.db".to_owned(), plan)
        };
        assert!(plan(true, migrations::Loss::Nothing).is_harmless());
        assert!(!plan(false, migrations::Loss::Nothing).is_harmless());
        assert!(!plan(true, migrations::Loss::Unknown).is_harmless());
    }
}
