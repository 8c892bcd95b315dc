//! SIGTERM under load, and what a second signal does.

use std::net::TcpListener;
use std::rc::Rc;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use taskward_client::TaskState;
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::load::audit::list;
use crate::load::enqueue::{Enqueuer, chaos_task};
use crate::load::{Audit, Clients, Ledger, Manners, Worker};
use crate::support::http::Answer;
use crate::support::{Connection, Database, Service, eventually, seed, within};

/// How long the port stays open after the signal: long enough to look at it on a busy machine.
const NOTICE: Duration = Duration::from_secs(2);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(15);
/// Answers that are due at once, on a busy machine.
const SOON: Duration = Duration::from_secs(5);
const CLAIM: &str = r#"{"worker_id":"late","queues":["busy"]}"#;

#[tokio::test]
async fn drain_sqlite() {
    LocalSet::new().run_until(drain_under_load(Database::sqlite())).await;
}

#[tokio::test]
async fn drain_postgres() {
    LocalSet::new().run_until(drain_under_load(Database::postgres())).await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once_sqlite() {
    second_signal(&Database::sqlite()).await;
}

#[tokio::test]
async fn a_second_signal_ends_at_once_postgres() {
    second_signal(&Database::postgres()).await;
}

async fn drain_under_load(database: Database) {
    let title = format!("drain_{}", database.name());
    let mut rng = seed(&title);
    let mut service = Service::new(&database)
        .with("TASKWARD__SERVER__DRAIN_NOTICE", "2s")
        .with("TASKWARD__SERVER__DRAIN_TIMEOUT", "15s");
    service.start_ready().await;

    let ledger = Rc::new(Ledger::default());
    let (enough, done) = (CancellationToken::new(), CancellationToken::new());
    let enqueuers = start_enqueuers(&service, &ledger, &enough, &mut rng);
    let workers = start_workers(&service, &ledger, &done, &mut rng);
    eventually("the load runs", Duration::from_secs(20), async || {
        (ledger.facts().completed.len() >= 50).then_some(())
    })
    .await;
    let mut in_flight = InFlight::begin(service.port).await;

    let signalled = Instant::now();
    service.signal(Signal::TERM);
    let refused = new_claims_are_refused(&mut in_flight.kept).await;
    let during_notice = in_flight.answered_by_the_notice().await;
    let closed = eventually("the port closes", NOTICE + SOON, async || {
        Connection::open(service.port).await.err().map(|_| signalled.elapsed())
    })
    .await;
    let after_notice = in_flight.finish_slow_request().await;
    assert_eq!(service.exit_code(DRAIN_TIMEOUT).await, 0, "a drain ends with 0");
    let took = signalled.elapsed();
    assert!(took < DRAIN_TIMEOUT, "the drain took {took:?}");
    drop(TcpListener::bind(("127.0.0.1", service.port)).expect("the port is free"));
    eprintln!(
        "{title}: {refused} claims refused as draining, port closed after {closed:.1?}, drained in {took:.1?}"
    );

    // Those who were cut off go on with the next process, as behind a service manager.
    service.start_ready().await;
    nothing_is_lost(&service, &ledger, &[during_notice, after_notice]).await;
    enough.cancel();
    joined(enqueuers).await;
    let client = service.client();
    let busy = ["busy".to_owned()];
    Audit::drained(&client, &busy, Duration::from_secs(40)).await;
    done.cancel();
    joined(workers).await;
    Audit::of(&client, &ledger, &busy).await.assert_clean(&title);
    service.stop().await;
}

fn start_enqueuers(
    service: &Service,
    ledger: &Rc<Ledger>,
    stop: &CancellationToken,
    rng: &mut fastrand::Rng,
) -> JoinSet<()> {
    let mut enqueuers = JoinSet::new();
    for (name, batch) in [("single", 1), ("batch", 10)] {
        let enqueuer = Enqueuer {
            name: name.to_owned(),
            clients: Clients::new(vec![service.client()]),
            queues: vec!["busy".to_owned()],
            pause_ms: 20..150,
            batch,
            delayed: 0.0,
        };
        enqueuers.spawn_local(enqueuer.run(Rc::clone(ledger), stop.clone(), rng.fork()));
    }
    enqueuers
}

fn start_workers(
    service: &Service,
    ledger: &Rc<Ledger>,
    stop: &CancellationToken,
    rng: &mut fastrand::Rng,
) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for number in 0..4 {
        let worker = Worker {
            name: format!("worker-{number}"),
            clients: Clients::new(vec![service.client()]),
            queues: vec!["busy".to_owned()],
            lease: Duration::from_secs(3),
            manners: Manners { release: 5, ..Manners::default() },
            max: 8,
        };
        workers.spawn_local(worker.run(Rc::clone(ledger), stop.clone(), rng.fork()));
    }
    workers
}

async fn joined(mut tasks: JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a client of the test has failed");
    }
}

/// Requests that are in flight when the signal comes, each on a connection of its own.
struct InFlight {
    /// Idle when the signal comes.
    kept: Connection,
    /// A claim that waits for a task that never comes.
    parked: Connection,
    /// Waits for a task that nobody works on.
    waiting: Connection,
    /// Half of its body has been sent.
    halfway: Connection,
    /// The same, and the rest comes when the port is closed already.
    slow: Connection,
}

impl InFlight {
    async fn begin(port: u16) -> Self {
        let open = async || {
            let mut connection = Connection::open(port).await.expect("a connection");
            let answer = connection.call("GET", "/health/live", None).await.expect("an answer");
            assert_eq!(answer.status, 200);
            connection
        };
        let mut creator = open().await;
        let idle = creator.call("POST", "/api/v1/tasks", Some(&slow_body("idle"))).await.expect("an answer");
        let id = idle.json()["id"].as_str().expect("an id").to_owned();
        let mut this = Self {
            kept: open().await,
            parked: open().await,
            waiting: open().await,
            halfway: open().await,
            slow: open().await,
        };
        let claim = r#"{"worker_id":"parked","queues":["never"],"wait":"60s"}"#;
        this.parked.begin("POST", "/api/v1/claim", claim.len()).await.expect("send");
        this.parked.write(claim).await.expect("send");
        this.waiting.begin("GET", &format!("/api/v1/tasks/{id}?wait=60s"), 0).await.expect("send");
        for (connection, name) in [(&mut this.halfway, "halfway"), (&mut this.slow, "slow")] {
            let body = slow_body(name);
            connection.begin_body("POST", "/api/v1/tasks", body.len()).await.expect("begin");
            connection.write(&body[..20]).await.expect("send");
        }
        this
    }

    /// What waited has an answer at once, and a request whose body comes during the notice is served.
    async fn answered_by_the_notice(&mut self) -> Uuid {
        let parked = within("the parked claim ends", SOON, self.parked.answer()).await.expect("an answer");
        assert!(parked.status == 204 || parked.code() == "draining", "the parked claim got {parked:?}");
        let waiting = within("the wait for a task ends", SOON, self.waiting.answer()).await;
        assert_eq!(waiting.expect("an answer").json()["state"], "available");
        self.halfway.write(&slow_body("halfway")[20..]).await.expect("send");
        created(within("the request in flight ends", SOON, self.halfway.answer()).await.expect("an answer"))
    }

    /// The port is closed, and the request that began before the signal is still served.
    async fn finish_slow_request(&mut self) -> Uuid {
        self.slow.write(&slow_body("slow")[20..]).await.expect("send the rest of the body");
        created(within("the slow request ends", SOON, self.slow.answer()).await.expect("an answer"))
    }
}

fn slow_body(name: &str) -> String {
    json!({"kind": "chaos", "queue": "in-flight", "payload": {"name": name, "padding": "x".repeat(500)}})
        .to_string()
}

fn created(answer: Answer) -> Uuid {
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()["id"].as_str().and_then(|id| id.parse().ok()).expect("an id")
}

/// On a connection that was open before, claims are refused, probes say why, and the rest is served.
async fn new_claims_are_refused(kept: &mut Connection) -> usize {
    let refusal = eventually("a claim is refused", SOON, async || {
        let answer = kept.call("POST", "/api/v1/claim", Some(CLAIM)).await.expect("an answer");
        match answer.status {
            503 => Some(answer),
            200 | 204 => None,
            _ => panic!("a claim got {answer:?}"),
        }
    })
    .await;
    assert_eq!(refusal.code(), "draining");
    assert!(refusal.headers.contains_key("retry-after"), "{refusal:?}");
    let mut refused = 1;
    for (path, status) in [("/health/ready", 503), ("/health", 503), ("/health/live", 200), ("/metrics", 200)]
    {
        let answer = kept.call("GET", path, None).await.expect("an answer");
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        if path == "/health" {
            assert_eq!(answer.json()["mode"], Value::from("draining"));
        }
        let claim = kept.call("POST", "/api/v1/claim", Some(CLAIM)).await.expect("an answer");
        assert_eq!((claim.status, claim.code().as_str()), (503, "draining"));
        refused += 1;
    }
    refused
}

/// Everything that was acknowledged before and during the drain is there.
async fn nothing_is_lost(service: &Service, ledger: &Ledger, in_flight: &[Uuid]) {
    let client = service.client();
    let there = list(&client, "in-flight", None).await;
    for id in in_flight {
        assert!(there.iter().any(|task| task.id == *id), "{id} was acknowledged during the drain");
    }
    let completed: Vec<Uuid> = ledger.facts().completed.clone();
    for id in completed {
        let task = client.task(id).await.expect("a task whose completion was acknowledged");
        assert_eq!(task.state, TaskState::Completed, "{id}");
    }
}

/// A request that never ends holds the drain up, until somebody insists.
async fn second_signal(database: &Database) {
    for (signal, status) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let mut service = Service::new(database);
        service.start_ready().await;
        service.client().enqueue(&chaos_task("kept".to_owned()), None).await.expect("a task");
        let _holding = hold_up(&mut service, signal).await;
        let insisted = Instant::now();
        service.signal(signal);
        assert_eq!(service.exit_code(SOON).await, status, "a second {signal:?}");
        eprintln!("drain: a second {signal:?} ends with {status} after {:.0?}", insisted.elapsed());
        drop(TcpListener::bind(("127.0.0.1", service.port)).expect("the port is free"));
    }
    timeout_ends(database).await;
}

/// A drain that takes too long ends by itself, and says so.
async fn timeout_ends(database: &Database) {
    let mut service = Service::new(database).with("TASKWARD__SERVER__DRAIN_TIMEOUT", "1s");
    service.start_ready().await;
    let _holding = hold_up(&mut service, Signal::TERM).await;
    let code = service.exit_code(SOON).await;
    assert_eq!(code, 10, "done, objective missed: {}", service.printed());
    eprintln!("drain: a drain that is held up ends with {code} after its timeout");
    service.start_ready().await;
    let kept = list(&service.client(), "kept", None).await;
    assert_eq!(kept.len(), 2, "nothing is lost by ending at once");
    service.stop().await;
}

/// Sends the first signal while a request is on its way, and waits until the port has closed.
async fn hold_up(service: &mut Service, signal: Signal) -> Connection {
    let mut connection = Connection::open(service.port).await.expect("a connection");
    connection.begin_body("POST", "/api/v1/tasks", 100).await.expect("begin");
    service.signal(signal);
    eventually("the port closes", SOON, async || Connection::open(service.port).await.err()).await;
    connection
}
