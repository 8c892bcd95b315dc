//! A standby takes over, and another one answers reads meanwhile.

use std::time::Instant;

use taskward_testkit::postgres::TempPostgres;
use tokio::task::LocalSet;

use super::{Load, OUTAGE, call, reaches, says_that_it_is_degraded};
use crate::support::{Service, seed};

/// A server, one that follows it, and a database of both.
fn pair() -> (TempPostgres, TempPostgres, String) {
    let primary = TempPostgres::start();
    let url = primary.create_database();
    let standby = primary.start_standby();
    let database = url.rsplit('/').next().expect("a URL ends in the database").to_owned();
    (primary, standby, database)
}

#[tokio::test]
async fn a_standby_is_promoted() {
    LocalSet::new().run_until(promoted("outage_standby")).await;
}

async fn promoted(title: &str) {
    let (mut primary, standby, database) = pair();
    let mut rng = seed(title);
    let url = format!(
        "postgres://taskward@127.0.0.1:{},127.0.0.1:{}/{database}?target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    let mut service = Service::at(&url).with("TASKWARD__TASKS__CRASHES_MAX", "1000");
    service.start_ready().await;
    let load = Load::start(&service, &mut rng);
    load.grows(100).await;
    let cause = Instant::now();
    primary.stop_immediate();
    let down = reaches(&service, "read_only", cause).await;
    tokio::time::sleep(OUTAGE).await;
    standby.promote();
    let back = reaches(&service, "normal", Instant::now()).await;
    load.grows(100).await;
    eprintln!("{title}: read-only after {down:.2?}, back {back:.2?} after the promotion, without a restart");
    load.finish(&service.client(), title).await;
    service.stop().await;
}

#[tokio::test]
async fn reads_go_on_from_the_replica() {
    let (mut primary, standby, database) = pair();
    let mut service =
        Service::at(&primary.url(&database)).with("TASKWARD__DATABASE__REPLICA_URL", &standby.url(&database));
    service.start_ready().await;
    let task = call(&service, "POST", "/api/v1/tasks", Some(r#"{"kind":"k"}"#)).await.json();
    let path = format!("/api/v1/tasks/{}", task["id"].as_str().expect("an id"));
    primary.stop_immediate();
    reaches(&service, "read_only", Instant::now()).await;
    for path in [path.as_str(), "/api/v1/tasks", "/api/v1/queues", "/api/v1/workers", "/health/ready"] {
        let read = call(&service, "GET", path, None).await;
        assert_eq!(read.status, 200, "{path}: {read:?}");
    }
    assert_eq!(call(&service, "GET", &path, None).await.json()["id"], task["id"]);
    says_that_it_is_degraded(&service).await;
    eprintln!("outage_replica: 5 kinds of reads were answered by the standby while the server was away");
    primary.restart();
    reaches(&service, "normal", Instant::now()).await;
    assert_eq!(call(&service, "POST", "/api/v1/tasks", Some(r#"{"kind":"k"}"#)).await.status, 201);
    service.stop().await;
}
