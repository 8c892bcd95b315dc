//! The chapter "rollback": so far, the database's schema.

mod migrate;
mod plan;
mod precaution;

pub use migrate::{MigrateError, MigrateOptions, MigrationReport, SchemaReport, Step, down, status, up};
pub use plan::{Direction, Loss, PlanReport, PlannedMigration, PlannedStatement, plan};
pub use precaution::{BackupBefore, back_up};
