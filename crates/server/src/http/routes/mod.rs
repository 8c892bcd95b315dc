//! A folder for each resource, a file for each route.

pub(super) mod common;
pub(super) mod health;
pub(super) mod log_level;
pub(super) mod queues;
pub(super) mod service;
pub(super) mod tasks;
pub(super) mod work;
pub(super) mod workers;
