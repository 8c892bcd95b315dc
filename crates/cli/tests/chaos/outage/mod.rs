//! The database goes away in every way it can, with load running, and comes back. The service is left alone: it has to
//! be read-only by itself, lose nothing, punish nobody, and be back by itself.

mod archive_full;
mod backup_full;
mod by_hand;
mod clock;
mod disk_full;
mod log_full;
mod network;
mod postgres;
mod standby;
mod worker;

use std::fmt;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::Value;
use taskward_client::Client;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::load::enqueue::Enqueuer;
use crate::load::ledger::End;
use crate::load::{Audit, Clients, Ledger, Manners, Worker};
use crate::support::http::Answer;
use crate::support::{Connection, Service, eventually};

/// What is promised, for the median: a machine that is busy with something else is late now and then.
const PROMISED: Duration = Duration::from_secs(2);
/// However busy it is.
const LATE: Duration = Duration::from_secs(10);
/// The shortest there is: every outage here is longer.
const LEASE: Duration = Duration::from_secs(1);
const WORKERS: usize = 6;
const QUEUE: &str = "outage";
const DRAIN_LIMIT: Duration = Duration::from_secs(60);

/// How long an outage lasts: far longer than leases, and than the service may take to notice.
const OUTAGE: Duration = Duration::from_secs(5);

/// Tasks come and are worked on, all the time.
struct Load {
    ledger: Rc<Ledger>,
    enough: CancellationToken,
    done: CancellationToken,
    enqueuers: JoinSet<()>,
    workers: JoinSet<()>,
}

impl Load {
    fn start(service: &Service, rng: &mut fastrand::Rng) -> Self {
        Self::with_leases(LEASE, service, rng)
    }

    fn with_leases(lease: Duration, service: &Service, rng: &mut fastrand::Rng) -> Self {
        let (ledger, enough, done) =
            (Rc::new(Ledger::default()), CancellationToken::new(), CancellationToken::new());
        let (mut enqueuers, mut workers) = (JoinSet::new(), JoinSet::new());
        for (number, batch) in [(0, 1), (1, 1), (2, 10)] {
            let enqueuer = Enqueuer {
                name: format!("enqueuer-{number}"),
                clients: Clients::new(vec![service.client()]),
                queues: vec![QUEUE.to_owned()],
                pause_ms: 20..150,
                batch,
                delayed: 0.2,
            };
            enqueuers.spawn_local(enqueuer.run(Rc::clone(&ledger), enough.clone(), rng.fork()));
        }
        for number in 0..WORKERS {
            let worker = Worker {
                name: format!("worker-{number}"),
                clients: Clients::new(vec![service.client()]),
                queues: vec![QUEUE.to_owned()],
                lease,
                // Nobody abandons anything: a lease that is lost here, the outage has cost.
                manners: Manners { fail: 4, snooze: 4, release: 4, heartbeat: 10, ..Manners::default() },
                max: 5,
            };
            workers.spawn_local(worker.run(Rc::clone(&ledger), done.clone(), rng.fork()));
        }
        Self { ledger, enough, done, enqueuers, workers }
    }

    /// Waits until as many more are completed.
    async fn grows(&self, by: usize) {
        let completed = || self.ledger.facts().completed.len();
        let before = completed();
        eventually("the load goes on", DRAIN_LIMIT, async || (completed() >= before + by).then_some(()))
            .await;
    }

    /// No more tasks; when all are done no more workers; then everything that was written down is compared.
    async fn finish(mut self, client: &Client, title: &str) {
        self.enough.cancel();
        while let Some(ended) = self.enqueuers.join_next().await {
            ended.expect("an enqueuer has failed");
        }
        let queues = [QUEUE.to_owned()];
        Audit::drained(client, &queues, DRAIN_LIMIT).await;
        self.done.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended.expect("a worker has failed");
        }
        Audit::of(client, &self.ledger, &queues).await.assert_clean(title);
        // Of reports that were applied before their answer was cut off, only a completion is sure to be known again:
        // a task that was given back may have another worker by then.
        let facts = self.ledger.facts();
        let punished =
            facts.effects.iter().filter(|effect| effect.finished && effect.end == End::LeaseLost).count();
        eprintln!("{title}: {punished} attempts had done their work and lost their lease");
        assert_eq!(punished, 0, "{title}: work in progress was punished");
    }
}

/// How long the service took, each time.
struct Times {
    what: &'static str,
    took: Vec<Duration>,
}

impl Times {
    fn new(what: &'static str) -> Self {
        Self { what, took: Vec::new() }
    }

    /// Fails when it mostly took longer than it may.
    fn assert_kept(&mut self, title: &str) {
        self.took.sort();
        eprintln!("{title}: {self}");
        let median = self.took[self.took.len() / 2];
        assert!(median <= PROMISED, "{title}: {self}");
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (median, longest) = (self.took[self.took.len() / 2], self.took[self.took.len() - 1]);
        write!(f, "{} {} times: median {median:.2?}, longest {longest:.2?}", self.what, self.took.len())
    }
}

/// Waits until the service is in this mode, and says how long that took since the cause.
async fn reaches(service: &Service, mode: &str, cause: Instant) -> Duration {
    eventually(mode, LATE, async || {
        let health = call(service, "GET", "/health", None).await;
        (health.json()["mode"] == mode).then(|| cause.elapsed())
    })
    .await
}

/// The process has to answer, whatever became of its database.
async fn call(service: &Service, method: &str, path: &str, body: Option<&str>) -> Answer {
    let mut connection = Connection::open(service.port).await.expect("the service runs");
    connection.call(method, path, body).await.expect("an answer")
}

/// What a service that is read-only says of itself.
async fn says_that_it_is_degraded(service: &Service) {
    let health = call(service, "GET", "/health", None).await;
    assert_eq!((health.status, &health.json()["status"]), (200, &Value::from("degraded")), "{health:?}");
    assert_eq!(call(service, "GET", "/health/live", None).await.status, 200);
    let created = call(service, "POST", "/api/v1/tasks", Some(r#"{"kind":"k","queue":"refused"}"#)).await;
    assert_eq!((created.status, created.code().as_str()), (503, "read_only"), "{created:?}");
    assert!(created.headers.contains_key("retry-after"), "{created:?}");
    eventually("the alert fires", LATE, async || {
        (alert(service, "DatabaseDown").await == "firing").then_some(())
    })
    .await;
    let log = service.printed();
    assert!(log.contains("the service changed its mode") && log.contains("read_only"), "{log}");
}

/// The state that the alert of a rule is in; null while there is none.
async fn alert(service: &Service, rule: &str) -> Value {
    let alerts = call(service, "GET", "/api/v1/alerts", None).await.json();
    let found = alerts["alerts"].as_array().and_then(|all| all.iter().find(|alert| alert["rule"] == rule));
    found.map(|alert| alert["state"].clone()).unwrap_or_default()
}
