//! Backups, restores and drills, on both databases, from outside.

mod bad_input;
mod create;
mod damage;
mod drill;
mod killed;
mod log_faults;
mod log_files;
mod log_world;
mod migrate;
mod pgbackrest;
mod pitr_postgres;
mod points;
mod progress;
mod refusals;
mod restore;
mod world;
