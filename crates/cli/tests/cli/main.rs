//! The built program from outside: what it prints, how it exits, what it does to a service.

mod alerts;
mod bad_input;
mod bench;
mod confirmation;
mod enqueue;
mod help;
mod log;
mod log_file;
mod log_names;
mod metrics;
mod support;
mod tasks;
mod traces;
mod worker;
mod worker_lifecycle;
