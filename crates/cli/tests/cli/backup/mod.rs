//! Backups, restores and drills, on both databases, from outside.

mod create;
mod damage;
mod drill;
mod migrate;
mod pgbackrest;
mod points;
mod refusals;
mod restore;
mod world;
