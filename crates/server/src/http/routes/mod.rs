//! A folder for each resource, a file for each route.

pub(crate) mod alerts;
pub(super) mod common;
pub(crate) mod health;
pub(super) mod log_level;
pub(crate) mod queues;
pub(super) mod service;
pub(crate) mod tasks;
pub(super) mod work;
pub(crate) mod workers;
