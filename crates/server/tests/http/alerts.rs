//! `/api/v1/alerts`, and who is told.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use taskward_core::alert::NAMES;
use taskward_server::Settings;
use taskward_server::alerts::{ChannelKind, ChannelSettings, HttpSettings, MailSecurity, MailSettings};
use taskward_testkit::smtp::{MailOptions, MailServer, ReceivedMail};
use tokio::sync::mpsc;

use crate::support::{Backend, Fault, TestServer, list, text, within};

on_every_database! {
    both: every_rule_is_listed, a_database_that_is_away_makes_the_service_read_only
}

/// What is listed of a rule.
async fn alert(server: &TestServer, rule: &str) -> Value {
    of(rule, &server.get("/api/v1/alerts").await.ok(200))
}

/// What an answer lists of a rule.
fn of(rule: &str, all: &Value) -> Value {
    list(&all["alerts"]).iter().find(|alert| alert["rule"] == rule).cloned().expect(rule)
}

/// Waits until a rule stands like this.
async fn stands(server: &TestServer, rule: &str, state: &str) -> Value {
    within(state, async {
        loop {
            let alert = alert(server, rule).await;
            if alert["state"] == state {
                return alert;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

fn quickly(settings: &mut Settings) {
    settings.alerts.thresholds.database_down_for = Duration::from_millis(200);
    settings.alerts.group_wait = Duration::ZERO;
}

async fn every_rule_is_listed(backend: Backend) {
    let server = backend.serve().await;
    let all = server.get("/api/v1/alerts").await.ok(200);
    let rules: Vec<_> = list(&all["alerts"]).iter().map(|alert| text(&alert["rule"])).collect();
    assert_eq!(rules, NAMES);
    assert_eq!(all["channels"], json!([]));
    // Of the very first answer: with the second the service has had a request to measure.
    let latency = of("HighLatency", &all);
    assert_eq!(latency["state"], "no_data", "a quiet service is neither slow nor fast: {latency}");
    assert_eq!(latency["respond_within"], "30m");
    assert_eq!(latency["runbook_url"], "docs/runbook/monitoring.md#highlatency");
    assert_eq!(latency["steps"][0]["command"], "taskward metrics show");
    assert_eq!((&latency["value"], &latency["unit"]), (&Value::Null, &json!("seconds")));
    let up = stands(&server, "DatabaseDown", "inactive").await;
    assert_eq!((&up["value"], &up["unit"]), (&json!(1.0), &json!("flag")), "told though nothing is wrong");
}

async fn a_database_that_is_away_makes_the_service_read_only(backend: Backend) {
    let server = backend.serve_with(quickly).await;
    let task = server.create(&json!({"kind": "k"})).await;
    server.faults.fail("probe", Fault::Unavailable);
    let down = stands(&server, "DatabaseDown", "firing").await;
    assert_eq!((&down["value"], &down["severity"]), (&json!(0.0), &json!("critical")));
    assert!(down["since"].is_string() && text(&down["description"]).contains("does not answer"), "{down}");

    let id = text(&task["id"]);
    for (path, body) in [
        ("/api/v1/tasks".to_owned(), json!({"kind": "k"})),
        ("/api/v1/tasks/batch".to_owned(), json!({"tasks": [{"kind": "k"}]})),
        ("/api/v1/claim".to_owned(), json!({"worker_id": "w", "queues": ["default"]})),
        (format!("/api/v1/tasks/{id}/complete"), json!({"lease_token": "1"})),
        (format!("/api/v1/tasks/{id}/heartbeat"), json!({"lease_token": "1"})),
        (format!("/api/v1/tasks/{id}/cancel"), Value::Null),
        (format!("/api/v1/tasks/{id}/retry"), Value::Null),
        ("/api/v1/queues/q/pause".to_owned(), Value::Null),
    ] {
        let answer =
            if body.is_null() { server.post_empty(&path).await } else { server.post(&path, &body).await };
        answer.problem("read_only");
    }
    assert_eq!(server.get(&format!("/api/v1/tasks/{id}")).await.ok(200)["id"], task["id"], "reads go on");
    assert_eq!(server.get("/health").await.json()["mode"], "read_only");

    server.faults.heal();
    stands(&server, "DatabaseDown", "inactive").await;
    // Leases get their grace first: the alert may be over a moment before writes are taken.
    within("normal", async {
        while server.get("/health").await.json()["mode"] != "normal" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    server.create(&json!({"kind": "k"})).await;
    let health = server.get("/health").await.ok(200);
    assert_eq!((&health["mode"], &health["status"]), (&json!("normal"), &json!("ok")));
}

#[tokio::test]
async fn a_service_that_does_not_watch_itself_tells_nobody() {
    let backend = Backend::Sqlite;
    let change = |settings: &mut Settings| {
        quickly(settings);
        settings.alerts.enabled = false;
    };
    let server = backend.serve_with(change).await;
    server.faults.fail("probe", Fault::Unavailable);
    server.faults.reached("probe", 3).await;
    assert_eq!(alert(&server, "DatabaseDown").await["state"], "no_data");
    within("the mode needs no alert", async {
        while server.get("/api/v1/maintenance").await.ok(200)["mode"] != "read_only" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// A request that arrived.
type Arrived = (HeaderMap, Bytes);
/// Where to tell of it, and what to answer.
type Receiver = Arc<(mpsc::UnboundedSender<Arrived>, std::sync::Mutex<Vec<u16>>)>;

/// Somebody who is told: answers with these statuses, then 200.
async fn receiver(statuses: &[u16]) -> (String, mpsc::UnboundedReceiver<Arrived>) {
    let (sender, arrived) = mpsc::unbounded_channel::<Arrived>();
    let statuses = std::sync::Mutex::new(statuses.to_vec());
    let state = Arc::new((sender, statuses));
    async fn receive(
        State(state): State<Receiver>,
        headers: HeaderMap,
        body: Bytes,
    ) -> (StatusCode, &'static str) {
        state.0.send((headers, body)).expect("the test listens");
        let mut statuses = state.1.lock().expect("unpoisoned");
        let status = if statuses.is_empty() { 200 } else { statuses.remove(0) };
        (StatusCode::from_u16(status).expect("a status"), r#"{"errcode":0}"#)
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/hook?token=s3cret", listener.local_addr().expect("an address"));
    let router = Router::new().fallback(receive).with_state(state);
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, arrived)
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn channel(kind: ChannelKind, url: &str) -> ChannelSettings {
    let secret = (kind == ChannelKind::Webhook).then(|| SECRET.into());
    ChannelSettings::Http(HttpSettings { kind, url: url.into(), secret })
}

/// Checks the signature as a receiver should, and reads the body.
fn verified((headers, body): &Arrived) -> Value {
    let header = |name: &str| headers[name].to_str().expect("text");
    let key = STANDARD.decode(SECRET.trim_start_matches("whsec_")).expect("base64");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key).expect("a key");
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(body);
    let given = STANDARD.decode(header("webhook-signature").trim_start_matches("v1,")).expect("base64");
    mac.verify_slice(&given).expect("the signature");
    serde_json::from_slice(body).expect("JSON")
}

#[tokio::test]
async fn a_webhook_is_told_of_the_beginning_and_of_the_end() {
    let (url, mut arrived) = receiver(&[500]).await;
    let (chat, mut said) = receiver(&[]).await;
    let backend = Backend::Sqlite;
    let change = |settings: &mut Settings| {
        quickly(settings);
        settings.alerts.channels =
            vec![channel(ChannelKind::Webhook, &url), channel(ChannelKind::DingTalk, &chat)];
    };
    let server = backend.serve_with(change).await;
    server.faults.fail("probe", Fault::Unavailable);
    let first = within("a message", arrived.recv()).await.expect("a message");
    let again = within("another attempt", arrived.recv()).await.expect("a message");
    assert_eq!(first.0["webhook-id"], again.0["webhook-id"], "the same message");
    let told = verified(&again);
    assert_eq!(verified(&first), told);
    assert_eq!(
        (&told["type"], &told["data"]["firing"][0]["rule"]),
        (&json!("alerts.firing"), &json!("DatabaseDown"))
    );
    let text = within("a chat", said.recv()).await.expect("a message");
    assert!(String::from_utf8_lossy(&text.1).contains("CRITICAL DatabaseDown"), "{text:?}");

    server.faults.heal();
    let over = verified(&within("the end", arrived.recv()).await.expect("a message"));
    assert_eq!(over["type"], "alerts.resolved");
    assert_eq!(over["data"]["resolved"][0]["rule"], "DatabaseDown");
    within("delivered", async {
        loop {
            let channels = server.get("/api/v1/alerts").await.ok(200)["channels"].take();
            if channels[0]["delivered"] == 2 {
                assert_eq!(
                    channels[0],
                    json!({"channel": "webhook", "delivered": 2, "failed": 0, "last_error": null})
                );
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_channel_that_does_not_work_shows_it_and_no_secret() {
    let (url, mut arrived) = receiver(&[403]).await;
    let backend = Backend::Sqlite;
    let change = |settings: &mut Settings| {
        quickly(settings);
        settings.alerts.channels = vec![channel(ChannelKind::Slack, &url)];
    };
    let server = backend.serve_with(change).await;
    server.faults.fail("probe", Fault::Unavailable);
    within("a message", arrived.recv()).await.expect("a message");
    let channels = within("the failure", async {
        loop {
            let channels = server.get("/api/v1/alerts").await.ok(200)["channels"].take();
            if channels[0]["failed"] == 1 {
                return channels;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(channels[0]["last_error"], "it answers 403 Forbidden");
    let metrics = server.get("/metrics").await.text();
    let line = r#"taskward_alert_notifications_total{channel="slack",outcome="failed"}"#;
    assert!(metrics.contains(line), "{metrics}");
    let page = server.get("/alerts").await.text();
    assert!(page.contains("it answers 403 Forbidden"), "{page}");
    assert!([metrics, channels.to_string(), page].iter().all(|told| !told.contains("s3cret")));
}

#[tokio::test]
async fn nobody_is_told_of_a_silenced_rule_until_the_silence_is_over() {
    let (url, mut arrived) = receiver(&[]).await;
    let backend = Backend::Sqlite;
    let change = |settings: &mut Settings| {
        quickly(settings);
        settings.alerts.channels = vec![channel(ChannelKind::Webhook, &url)];
    };
    let server = backend.serve_with(change).await;
    let path = "/api/v1/alerts/DatabaseDown/silence";
    let silence = server.post(path, &json!({"for": "1h", "reason": "being mended"})).await.ok(200);
    assert_eq!(silence["silence"]["reason"], "being mended");
    server.faults.fail("probe", Fault::Unavailable);
    let firing = stands(&server, "DatabaseDown", "firing").await;
    assert_eq!(firing["silence"], silence["silence"]);
    assert!(arrived.try_recv().is_err(), "nobody is told");
    let ended = server.call(Method::DELETE, path).send().await.ok(200);
    assert_eq!(ended, json!({"rule": "DatabaseDown", "silence": null}));
    let told = verified(&within("a message", arrived.recv()).await.expect("a message"));
    assert_eq!(told["data"]["firing"][0]["rule"], "DatabaseDown");
}

/// People who are told by this server, and sign in with a password when it wants one.
fn people(server: &MailServer, password: Option<&str>) -> ChannelSettings {
    ChannelSettings::Email(MailSettings {
        host: "127.0.0.1".to_owned(),
        port: server.port(),
        security: MailSecurity::None,
        credentials: password.map(|password| ("taskward".to_owned(), password.into())),
        from: "taskward@localhost".to_owned(),
        to: vec!["a@localhost".to_owned(), "b@localhost".to_owned()],
    })
}

async fn mails(server: &MailServer, count: usize) -> Vec<ReceivedMail> {
    within("mails", async {
        loop {
            let mails = server.received();
            if mails.len() >= count {
                return mails;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

#[tokio::test]
async fn people_are_told_by_e_mail_of_the_beginning_and_of_the_end() {
    let post = MailServer::start(MailOptions { answers: vec!["451 4.3.0 later"], ..MailOptions::default() });
    let change = |settings: &mut Settings| {
        quickly(settings);
        settings.alerts.channels = vec![people(&post, None)];
    };
    let server = Backend::Sqlite.serve_with(change).await;
    server.faults.fail("probe", Fault::Unavailable);
    let told = mails(&post, 2).await;
    assert_eq!(told[0].text, told[1].text, "the same mail, tried again");
    assert_eq!(
        (&told[1].from[..], &told[1].to[..]),
        ("taskward@localhost", &["a@localhost".to_owned(), "b@localhost".to_owned()][..])
    );
    for line in [
        "CRITICAL DatabaseDown\n",
        "The database does not answer, or takes no writes.\n",
        "Respond within 5m.\n",
        "1. taskward health ready\n",
        "More: docs/runbook/monitoring.md#databasedown\n",
        "@taskward>\n",
    ] {
        assert!(told[1].text.contains(line), "{line}: {}", told[1].text);
    }
    server.faults.heal();
    let over = mails(&post, 3).await.remove(2);
    assert!(over.text.contains("RESOLVED DatabaseDown\n"), "{}", over.text);
    within("delivered", async {
        while server.get("/api/v1/alerts").await.ok(200)["channels"][0]["delivered"] != 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(post.received().len(), 3, "nothing is told twice");
}

#[tokio::test]
async fn a_mail_server_that_refuses_the_password_is_shown_without_it() {
    let post = MailServer::start(MailOptions {
        credentials: Some(("taskward", "another")),
        ..MailOptions::default()
    });
    let change = |settings: &mut Settings| {
        quickly(settings);
        settings.alerts.channels = vec![people(&post, Some("planted-s3cret"))];
    };
    let server = Backend::Sqlite.serve_with(change).await;
    server.faults.fail("probe", Fault::Unavailable);
    let channels = within("the failure", async {
        loop {
            let channels = server.get("/api/v1/alerts").await.ok(200)["channels"].take();
            if channels[0]["failed"] == 1 {
                return channels;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    // Servers say their no in words that hold what they were sent.
    assert_eq!(
        (&channels[0]["channel"], &channels[0]["last_error"]),
        (&json!("email"), &json!("it answers 535 5.7.8"))
    );
    assert!(post.received().is_empty());
}
