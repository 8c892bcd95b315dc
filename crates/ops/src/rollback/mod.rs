//! The chapter "rollback": so far, the database's schema.

mod migrate;

pub use migrate::{Direction, MigrationReport, SchemaReport, Step, down, status, up};
