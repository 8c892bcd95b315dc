//! A service with nothing to do asks its database next to nothing, also while workers wait for tasks.

use std::time::{Duration, Instant};

use taskward_api::{ClaimRequest, CompleteRequest, HumanDuration};
use taskward_client::{Client, CreateTask};
use taskward_testkit::postgres::TempPostgres;
use tokio::task::LocalSet;

use crate::support::{Connection, Service, eventually};

const WORKERS: usize = 10;
const QUEUE: &str = "idle";
/// How long a claim waits; each worker claims several times while it is counted.
const WAIT: Duration = Duration::from_secs(4);
const WATCHED: Duration = Duration::from_secs(10);
/// What the database counts, of whatever kind.
const STATEMENTS_PER_SECOND_MAX: f64 = 3.0;
const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn ten_workers_that_wait_cost_postgres_three_statements_a_second() {
    let server = TempPostgres::start_with(&[("log_statement", "all")]);
    let mut service = Service::at(&server.create_database());
    service.start_ready().await;
    LocalSet::new().run_until(watch(&server, &service)).await;
    service.stop().await;
}

async fn watch(server: &TempPostgres, service: &Service) {
    // A queue that was never used is not counted.
    let task = CreateTask { kind: "k".to_owned(), queue: Some(QUEUE.to_owned()), ..CreateTask::default() };
    let client = service.client();
    client.enqueue(&task, None).await.expect("a task");
    for number in 0..WORKERS {
        tokio::task::spawn_local(wait_for_tasks(client.clone(), format!("worker-{number}")));
    }
    all_wait(service).await;
    let (before, began) = (statements(server), Instant::now());
    tokio::time::sleep(WATCHED).await;
    let (count, seconds) = (statements(server) - before, began.elapsed().as_secs_f64());
    let rate = count as f64 / seconds;
    eprintln!(
        "idle: {count} statements in {seconds:.1} s while {WORKERS} workers waited, {rate:.2} a second"
    );
    assert!(rate <= STATEMENTS_PER_SECOND_MAX, "{rate}:\n{}", server.log());
    all_wait(service).await;
}

/// Claims, again and again, and completes what comes.
async fn wait_for_tasks(client: Client, worker_id: String) {
    let (queues, wait) = (vec![QUEUE.to_owned()], Some(HumanDuration(WAIT)));
    let claim = ClaimRequest { worker_id, queues, kinds: None, max: None, wait, lease: None };
    loop {
        for task in client.claim(&claim).await.expect("an answer") {
            let lease_token = task.lease_token.expect("a token");
            let completed = CompleteRequest { lease_token, result: None };
            client.complete(task.id, &completed).await.expect("completed");
        }
    }
}

async fn all_wait(service: &Service) {
    let waiting = format!("taskward_workers_waiting{{queue=\"{QUEUE}\"}} {WORKERS}");
    eventually("all wait", SOON, async || {
        let mut connection = Connection::open(service.port).await.ok()?;
        let metrics = connection.call("GET", "/metrics", None).await.ok()?.body;
        metrics.lines().any(|line| line == waiting).then_some(())
    })
    .await;
}

/// Statements that the server was sent since it was started.
fn statements(server: &TempPostgres) -> usize {
    let log = server.log();
    log.lines().filter(|line| line.contains("LOG:  execute ") || line.contains("LOG:  statement: ")).count()
}
