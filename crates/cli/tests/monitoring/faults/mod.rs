//! Faults, each made in earnest, seen by the service itself and by a real Prometheus, and told to a real Alertmanager
//! by both: first that they are there, then that they are over.

mod ages;
mod database;
mod disk;
mod measures;
mod tasks;
