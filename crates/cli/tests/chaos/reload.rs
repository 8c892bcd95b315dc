//! SIGHUP: the configuration is read again, and the process survives.

use std::time::Duration;

use rustix::process::Signal;

use crate::support::{Connection, Database, Service, eventually};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn reload_sqlite() {
    reload(&Database::sqlite()).await;
}

#[tokio::test]
async fn reload_postgres() {
    reload(&Database::postgres()).await;
}

async fn reload(database: &Database) {
    let mut service = Service::new(database);
    configure(&service, "logging:\n  level: INFO\n");
    service.start_ready().await;
    assert!(!requests_are_logged(&service, "at-info").await, "INFO does not log requests");

    configure(&service, "logging:\n  level: DEBUG\n");
    hang_up(&service, "reload: applied logging.level").await;
    assert!(requests_are_logged(&service, "at-debug").await, "DEBUG logs requests");

    configure(&service, "logging:\n  level: DEBUG\nserver:\n  drain_timeout: 7s\n");
    hang_up(&service, "reload: needs a restart: server.drain_timeout").await;

    // The third line has the mistake; the log says where and what was probably meant.
    configure(&service, "logging:\n  level: ERROR\n  levle: DEBUG\n");
    hang_up(&service, "reload refused, the configuration is unchanged").await;
    let printed = service.printed();
    assert!(printed.contains("dev.yaml:3") && printed.contains("levle"), "{printed}");
    assert!(requests_are_logged(&service, "still-debug").await, "the level is unchanged");

    configure(&service, "logging:\n  level: ERROR\n");
    service.signal(Signal::HUP);
    eventually("the level is ERROR", SOON, async || {
        let marker = format!("at-error-{}", fastrand::u64(..));
        (!requests_are_logged(&service, &marker).await).then_some(())
    })
    .await;
    service.stop().await;
    eprintln!("reload_{}: 5 reloads survived, a bad one among them", database.name());
}

fn configure(service: &Service, yaml: &str) {
    std::fs::write(service.config_dir().join("dev.yaml"), yaml).expect("write the configuration");
}

/// Reloads, and waits until the log says what it has to.
async fn hang_up(service: &Service, says: &str) {
    service.signal(Signal::HUP);
    eventually(format!("the log says {says:?}"), SOON, async || {
        service.printed().contains(says).then_some(())
    })
    .await;
}

/// Whether the log names a request's id, once it has a line that is written in any case and came later: a
/// change of a level that nothing is logged at.
async fn requests_are_logged(service: &Service, marker: &str) -> bool {
    let call = async |method: &str, path: &str, id: &str, body: Option<&str>| {
        let connection = Connection::open(service.port).await.expect("a connection");
        let answer = connection.header("x-request-id", id).call(method, path, body).await;
        assert_eq!(answer.expect("an answer").status, 200);
    };
    call("GET", "/api/v1/queues", marker, None).await;
    let later = format!("after-{marker}");
    let change = r#"{"level": "ERROR", "target": "taskward_store::sqlite", "for": "1s"}"#;
    call("PUT", "/api/v1/log/level", &later, Some(change)).await;
    eventually("the later line is written", SOON, async || {
        service.printed().contains(&format!("\"{later}\"")).then_some(())
    })
    .await;
    service.printed().lines().any(|line| line.contains(marker) && !line.contains(&later))
}
