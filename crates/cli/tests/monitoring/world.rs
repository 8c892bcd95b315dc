//! A service, and the programs that watch it.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::files::deploy;
use crate::program::{Program, free_port, get};
use crate::support::{Server, run, taskward, until};

/// Thresholds at which a test need not wait.
const QUICK: [(&str, &str); 14] = [
    ("TASKWARD__ALERTS__WINDOW", "10s"),
    ("TASKWARD__ALERTS__REQUESTS_MIN", "5"),
    ("TASKWARD__ALERTS__ERROR_RATE_FOR", "1s"),
    ("TASKWARD__ALERTS__HIGH_LATENCY_FOR", "1s"),
    ("TASKWARD__ALERTS__DATABASE_DOWN_FOR", "1s"),
    ("TASKWARD__ALERTS__QUEUE_STUCK", "1s"),
    ("TASKWARD__ALERTS__QUEUE_STUCK_FOR", "1s"),
    ("TASKWARD__ALERTS__NO_WORKERS", "1s"),
    ("TASKWARD__ALERTS__NO_WORKERS_FOR", "1s"),
    ("TASKWARD__ALERTS__TASKS_WINDOW", "10s"),
    ("TASKWARD__ALERTS__DEAD_TASKS_MAX", "2"),
    ("TASKWARD__ALERTS__LEASE_RESCUES_MAX", "2"),
    ("TASKWARD__ALERTS__DISK_FULL_FOR", "1s"),
    ("TASKWARD__ALERTS__ERROR_BUDGET_FOR", "1s"),
];

/// A service, and who watches it.
pub(crate) struct World {
    pub(crate) server: Server,
    prometheus: String,
    alertmanager: String,
    _programs: [Program; 2],
    _directory: TempDir,
}

impl World {
    pub(crate) fn start(database: &str) -> Self {
        Self::start_with(database, &[])
    }

    /// With more of a configuration.
    pub(crate) fn start_with(database: &str, more: &[(&str, &str)]) -> Self {
        let directory = TempDir::with_prefix("taskward-monitoring-").expect("a directory");
        let (alertmanager, prometheus) = (free_port(), free_port());
        let told = format!("http://127.0.0.1:{alertmanager}");
        let own = [("TASKWARD__ALERTS__ALERTMANAGER_URL", told.as_str()), ("DATABASE_URL", database)];
        let variables: Vec<_> = QUICK.into_iter().chain(own).chain(more.iter().copied()).collect();
        let server = Server::start_with(&variables);
        let rules = run(taskward().args(["alerts", "rules"]).envs(variables)).exits(0).stdout;
        fs::write(directory.path().join("taskward.rules.yml"), rules).expect("written");
        let text = fs::read_to_string(deploy("prometheus/prometheus.yml")).expect("the configuration");
        let text = text.replace("127.0.0.1:8000", server.url().trim_start_matches("http://"));
        let text =
            text.replace("127.0.0.1:9093", &format!("127.0.0.1:{alertmanager}")).replace(": 5s", ": 1s");
        fs::write(directory.path().join("prometheus.yml"), text).expect("written");
        let programs = [
            Program::start(
                directory.path(),
                Command::new("prometheus-alertmanager")
                    .arg(format!("--config.file={}", deploy("alertmanager/alertmanager.yml").display()))
                    .arg(format!("--web.listen-address=127.0.0.1:{alertmanager}"))
                    .args(["--storage.path=alertmanager", "--cluster.listen-address="]),
            ),
            Program::start(
                directory.path(),
                Command::new("prometheus")
                    .args(["--config.file=prometheus.yml", "--storage.tsdb.path=prometheus"])
                    .arg(format!("--web.listen-address=127.0.0.1:{prometheus}")),
            ),
        ];
        let world = Self {
            server,
            prometheus: format!("http://127.0.0.1:{prometheus}"),
            alertmanager: told,
            _programs: programs,
            _directory: directory,
        };
        until("Prometheus scrapes", || world.query("up == 1").len() == 1);
        world
    }

    /// What Prometheus answers now.
    #[track_caller]
    pub(crate) fn query(&self, expression: &str) -> Vec<Value> {
        let answer = get(&format!("{}/api/v1/query", self.prometheus), &[("query", expression)]);
        if answer.is_null() {
            return Vec::new();
        }
        assert_eq!(answer["status"], "success", "{expression}: {answer}");
        answer["data"]["result"].as_array().expect("a vector").clone()
    }

    /// What is active at Alertmanager: the alerts' names, by who told of them.
    fn active(&self) -> (BTreeSet<String>, BTreeSet<String>) {
        let alerts = get(&format!("{}/api/v2/alerts", self.alertmanager), &[]);
        let alerts = alerts.as_array().cloned().unwrap_or_default();
        let named = |by_prometheus: bool| {
            let from = alerts.iter().filter(|alert| alert["labels"]["job"].is_string() == by_prometheus);
            from.filter_map(|alert| alert["labels"]["alertname"].as_str().map(ToOwned::to_owned)).collect()
        };
        (named(true), named(false))
    }

    /// Waits until Alertmanager has heard of an alert, or of its end, from both.
    #[track_caller]
    pub(crate) fn until_told(&self, name: &str, firing: bool) {
        until(&format!("{name} firing: {firing}"), || {
            let (prometheus, service) = self.active();
            prometheus.contains(name) == firing && service.contains(name) == firing
        });
    }

    /// The same of Prometheus alone: a service that was restarted knows nothing of what it told before.
    #[track_caller]
    pub(crate) fn until_told_by_prometheus(&self, name: &str, firing: bool) {
        until(&format!("{name} firing: {firing}"), || self.active().0.contains(name) == firing);
    }

    /// A worker that takes tasks of queue `q` and is never heard of again.
    pub(crate) fn vanish_with(&self, tasks: usize) {
        for _ in 0..tasks {
            self.server.enqueue(&["--max-attempts", "1"]);
        }
        let claim = json!({"worker_id": "w", "queues": ["q"], "lease": "1s", "max": tasks}).to_string();
        let claimed = Command::new("curl")
            .args(["--silent", "--fail", "--noproxy", "*", "--header", "Content-Type: application/json"])
            .args(["--data", &claim])
            .arg(format!("{}/api/v1/claim", self.server.url()))
            .output();
        assert!(claimed.expect("curl").status.success());
    }

    /// A lease that nobody extends, a task that dies, and one that waits.
    pub(crate) fn make_everything_happen(&self) {
        self.vanish_with(1);
        self.server.cli(["enqueue", "k", "--queue", "alone"]).exits(0);
    }
}
