//! The built program from outside: what it prints, how it exits, what it does to a service.

mod alerts;
mod backup;
mod bad_input;
mod bench;
mod checklist;
mod confirmation;
mod db;
mod doctor;
mod enqueue;
mod help;
mod log;
mod log_audit;
mod log_file;
mod log_names;
mod maintenance;
mod metrics;
mod refusals;
mod support;
mod tasks;
mod traces;
mod worker;
mod worker_lifecycle;
