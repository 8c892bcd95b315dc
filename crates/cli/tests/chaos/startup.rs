//! How the service starts, and how it refuses to.

use std::net::TcpListener;
use std::time::Duration;

use crate::load::enqueue::chaos_task;
use crate::support::process::Output;
use crate::support::{Database, Process, Service};

/// Starts that are measured.
const STARTS: usize = 5;
/// The bar for the release binary on an idle machine is 300 ms. This is neither.
const HEALTHY_WITHIN: Duration = Duration::from_secs(5);
const INSTANCES: usize = 5;
const EXIT_LIMIT: Duration = Duration::from_secs(20);
const REFUSED: i32 = 5;
const CONFLICT: i32 = 7;

#[tokio::test]
async fn healthy_soon_on_an_existing_database_sqlite() {
    healthy_soon(&Database::sqlite()).await;
}

#[tokio::test]
async fn healthy_soon_on_an_existing_database_postgres() {
    healthy_soon(&Database::postgres()).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_sqlite() {
    newer_schema_is_refused(&Database::sqlite()).await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_postgres() {
    newer_schema_is_refused(&Database::postgres()).await;
}

#[tokio::test]
async fn a_taken_port_is_a_clear_error() {
    let database = Database::sqlite();
    let service = Service::new(&database);
    let _holder = TcpListener::bind(("127.0.0.1", service.port)).expect("take the port");
    for json in [false, true] {
        let refusal = refusal(&service, CONFLICT, json).await;
        for part in [format!("127.0.0.1:{}", service.port).as_str(), "port_in_use"] {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
        eprintln!("port taken: {}", refusal.trim());
    }
}

#[tokio::test]
async fn several_instances_start_at_once_on_an_empty_postgres() {
    let database = Database::postgres();
    let mut services: Vec<Service> = (0..INSTANCES).map(|_| Service::new(&database)).collect();
    for service in &mut services {
        service.start();
    }
    for service in &mut services {
        service.ready().await;
        service.client().enqueue(&chaos_task("start".to_owned()), None).await.expect("a task");
    }
    let queue = services[0].client().queue("start").await.expect("the queue");
    assert_eq!(queue.depth.available, INSTANCES as u64);
    let applied = services.iter().map(|service| service.printed().matches("applied a migration").count());
    let applied: usize = applied.sum();
    assert!(applied >= 1, "somebody has migrated");
    for service in &mut services {
        let printed = service.printed();
        assert!(!printed.contains("ERROR"), "{printed}");
        service.stop().await;
    }
    eprintln!(
        "{INSTANCES} instances started at once on an empty PostgreSQL; migrations applied {applied} time(s)"
    );
}

async fn healthy_soon(database: &Database) {
    let mut service = Service::new(database);
    service.start_ready().await;
    for _ in 0..100 {
        service.client().enqueue(&chaos_task("start".to_owned()), None).await.expect("a task");
    }
    service.stop().await;
    let mut took = Vec::new();
    for _ in 0..STARTS {
        took.push(service.start_ready().await);
        service.stop().await;
    }
    took.sort();
    eprintln!("healthy on an existing {} database after {took:.0?} (debug build)", database.name());
    assert!(took[0] < HEALTHY_WITHIN, "{took:?}");
}

async fn newer_schema_is_refused(database: &Database) {
    let mut service = Service::new(database);
    service.start_ready().await;
    service.stop().await;
    database.apply_unknown_migration();
    for json in [false, true] {
        let refusal = refusal(&service, REFUSED, json).await;
        for part in ["schema_too_new", "9999", "taskward "] {
            assert!(refusal.contains(part), "{part} in {refusal}");
        }
        eprintln!("newer schema: {}", refusal.trim());
    }
}

/// What `serve` prints when it refuses to start.
async fn refusal(service: &Service, code: i32, json: bool) -> String {
    let output = Output::new(service.dir(), &format!("refusal-{json}"));
    let args: &[&str] = if json { &["serve", "-o", "json"] } else { &["serve"] };
    let exit = Process::start(args, &service.env, &output).exit_code(EXIT_LIMIT).await;
    let text = output.text();
    assert_eq!(exit, code, "{text}");
    text
}
