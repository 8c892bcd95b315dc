//! Alerts with the programs of others: `promtool` and `amtool` read the files of `deploy/`, and a real Prometheus
//! and a real Alertmanager see faults come and go, those of every rule; Grafana's questions are asked of that Prometheus.

mod faults;
mod files;
mod grafana;
mod program;
#[path = "../cli/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of the command line use the rest of it")]
mod support;
mod world;
