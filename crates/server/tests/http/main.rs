//! The service over a real socket, on both databases. Modules mirror the URLs; `support` starts servers,
//! sends requests and injects faults.

#[macro_use]
mod support;

mod alerts;
mod api;
mod bad_input;
mod dashboard;
mod detection;
mod drain;
mod health;
mod log_level;
mod maintenance;
mod metrics;
mod mode;
mod openapi;
mod overload;
mod queues;
mod tasks;
mod transport;
mod work;
mod workers;
