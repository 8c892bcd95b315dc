//! Read-only by an operator's word: also while the database is away, and over a restart.

use std::time::{Duration, Instant};

use serde_json::Value;
use taskward_testkit::postgres::TempPostgres;

use super::{call, reaches};
use crate::support::process::Output;
use crate::support::{Process, Service};

const SOON: Duration = Duration::from_secs(30);
const TASK: Option<&str> = Some(r#"{"kind":"k"}"#);

#[tokio::test]
async fn an_operators_word_holds() {
    let mut server = TempPostgres::start();
    let mut service = Service::at(&server.create_database());
    service.start_ready().await;
    server.stop_immediate();
    reaches(&service, "read_only", Instant::now()).await;
    let on = ["on", "--mode", "read-only", "--reason", "moving the database"];
    assert_eq!(maintenance(&service, &on).await["mode"], "read_only", "the word is taken while it is away");

    server.restart();
    service.ready().await;
    service.stop().await;
    service.start_ready().await;
    let status = maintenance(&service, &["status"]).await;
    assert_eq!(status["mode"], "read_only", "{status}");
    assert!(status.to_string().contains("moving the database"), "{status}");
    let refused = call(&service, "POST", "/api/v1/tasks", TASK).await;
    assert_eq!((refused.status, refused.code().as_str()), (503, "read_only"), "{refused:?}");
    assert!(refused.headers.contains_key("retry-after"), "{refused:?}");
    assert_eq!(call(&service, "GET", "/api/v1/tasks", None).await.status, 200);

    assert_eq!(maintenance(&service, &["off"]).await["mode"], "normal");
    assert_eq!(call(&service, "POST", "/api/v1/tasks", TASK).await.status, 201);
    service.stop().await;
}

/// `taskward maintenance …`, and what it says.
async fn maintenance(service: &Service, words: &[&str]) -> Value {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    let output = Output::new(service.dir(), &format!("maintenance-{}", words[0]));
    let args: Vec<&str> = ["maintenance"].iter().chain(words).chain(&["-o", "json"]).copied().collect();
    let code = Process::start(&args, &env, &output).exit_code(SOON).await;
    assert_eq!(code, 0, "{words:?}: {}", output.text());
    let said = std::fs::read_to_string(&output.stdout).expect("the output");
    serde_json::from_str(&said).expect("JSON")
}
