//! What fires, where one sees it, and silences.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use taskward_server::Settings;

use super::actions::{dead, goes_on_to};
use super::{act, html};
use crate::support::{Backend, Fault, TestServer, list, within};

/// One dead task is one too many; the disks of this machine are its own business.
fn strict(settings: &mut Settings) {
    settings.alerts.thresholds.dead_tasks_max = 0;
    settings.alerts.thresholds.disk_full_percent = 100;
    settings.alerts.thresholds.database_down_for = Duration::from_millis(200);
}

/// A page, as soon as it has these words.
async fn page_with(server: &TestServer, path: &str, words: &str) -> String {
    within(words, async {
        loop {
            let page = html(&server.get(path).await, 200);
            if page.contains(words) {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await
}

#[track_caller]
fn has(page: &str, words: &[&str]) {
    for words in words {
        assert!(page.contains(words), "{words}: {page}");
    }
}

#[tokio::test]
async fn what_fires_comes_first_with_what_to_do() {
    let server = Backend::Sqlite.serve_with(strict).await;
    let quiet = html(&server.get("/").await, 200);
    assert!(!quiet.contains("class=\"alert\"") && !quiet.contains("class=\"count"), "{quiet}");
    has(
        &html(&server.get("/alerts").await, 200),
        &["No alert is firing.", "15 min", "no channel is configured"],
    );

    dead(&server, "<q>").await;
    let page = page_with(&server, "/", "1 alert is firing").await;
    has(
        &page,
        &[
            "class=\"status warn\"",
            "queue=&lt;q&gt;",
            "1 tasks of queue &lt;q&gt; have died lately, more than 0",
            "Respond within 1 h",
            "<code>taskward task list --state dead</code>",
            "Bring them back: <code>taskward task retry ID</code>.",
            "docs/runbook/monitoring.md#deadtasks",
        ],
    );
    let place = |words: &str| page.find(words).expect("on the page");
    assert!(place("id=\"status\"") < place("class=\"alert\""), "the verdict, and then why");
    assert!(place("class=\"alert\"") < place("id=\"now\""), "before any figure");
    let alerts = html(&server.get("/alerts").await, 200);
    has(&alerts, &["class=\"alert\"", "state-dead\">firing", "state-unknown\">no data", ">inactive<"]);
    // Whoever looks elsewhere sees it, too.
    has(&html(&server.get("/tasks").await, 200), &["class=\"count\">1</span><span class=\"unseen\"> firing"]);

    let chinese = server.call(Method::GET, "/").header("accept-language", "zh").send().await;
    has(
        &html(&chinese, 200),
        &[
            "1 个告警触发中",
            "队列 &lt;q&gt; 最近有 1 个任务死亡，超过 0",
            "恢复任务：<code>taskward task retry ID</code>",
        ],
    );
}

#[tokio::test]
async fn a_rule_that_many_queues_break_is_told_once() {
    let server = Backend::Sqlite.serve_with(strict).await;
    for queue in 0..10 {
        dead(&server, &format!("q{queue}")).await;
    }
    for (path, times) in [("/", 5), ("/alerts", 10)] {
        let page = page_with(&server, path, "and 5 more").await;
        assert_eq!(page.matches("<section class=\"alert\"").count(), 1, "{path}: {page}");
        assert_eq!(page.matches("have died lately").count(), times, "{path}: {page}");
    }
    has(&html(&server.get("/").await, 200), &["10 alerts are firing"]);
}

#[tokio::test]
async fn a_database_that_is_away_is_critical() {
    let server = Backend::Sqlite.serve_with(strict).await;
    server.faults.fail("probe", Fault::Unavailable);
    let page = page_with(&server, "/", "class=\"alert critical\"").await;
    has(&page, &["The service is degraded", "read-only", "get 503 <code>", "Respond within 5 min"]);
    has(&html(&server.get("/workers").await, 200), &["class=\"count critical\">1<"]);
    server.faults.heal();
    within("the end", async {
        while html(&server.get("/").await, 200).contains("class=\"alert") {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// The silence of a rule, as programs see it.
async fn silence_of(server: &TestServer, rule: &str) -> Value {
    let all = server.get("/api/v1/alerts").await.ok(200);
    let alert = list(&all["alerts"]).iter().find(|alert| alert["rule"] == rule).cloned();
    alert.expect("the rule")["silence"].clone()
}

#[tokio::test]
async fn rules_are_silenced_and_unsilenced() {
    let server = Backend::Sqlite.serve_with(strict).await;
    let form = html(&server.get("/alerts/silence?rule=DeadTasks").await, 200);
    has(&form, &["Silence DeadTasks", "Tasks die", "(one)", "value=\"8h\"", "name=\"reason\" required"]);
    dead(&server, "q").await;
    page_with(&server, "/", "1 alert is firing").await;

    let fields = [("rule", "DeadTasks"), ("for", "90m"), ("reason", " being <mended> ")];
    goes_on_to(&act(&server, "/alerts/silence", &fields).await, "/alerts?notice=silenced");
    let silence = silence_of(&server, "DeadTasks").await;
    assert_eq!(silence["reason"], "being <mended>");
    let page = html(&server.get("/alerts?notice=silenced").await, 200);
    has(&page, &["The rule is silenced", "Silenced until", "being &lt;mended&gt;", "Unsilence DeadTasks"]);
    assert!(!page.contains("class=\"count"), "nobody is called for it: {page}");
    // It is still there for all to see, and the service is not called well.
    has(&html(&server.get("/").await, 200), &["1 alert is firing", "class=\"alert silenced\""]);

    let unsilenced = act(&server, "/alerts/unsilence", &[("rule", "DeadTasks")]).await;
    goes_on_to(&unsilenced, "/alerts?notice=unsilenced");
    assert_eq!(silence_of(&server, "DeadTasks").await, Value::Null);
    has(
        &html(&server.get("/alerts?notice=unsilenced").await, 200),
        &["no longer silenced", "Silence DeadTasks"],
    );
}

#[tokio::test]
async fn silences_that_cannot_be_are_refused() {
    let server = Backend::Sqlite.serve().await;
    for (rule, hold, reason, status, words) in [
        ("Nothing", "1h", "r", 404, "no rule of this name"),
        ("QueueStuck", "1h", " ", 422, "must have 1 to 500 characters"),
        ("QueueStuck", "800h", "r", 422, "must be between 1s and 720h"),
        ("QueueStuck", "soon", "r", 422, "for"),
    ] {
        let fields = [("rule", rule), ("for", hold), ("reason", reason)];
        let page = html(&act(&server, "/alerts/silence", &fields).await, status);
        assert!(page.contains("role=\"alert\"") && page.contains(words), "{rule} {hold}: {page}");
    }
    assert_eq!(silence_of(&server, "QueueStuck").await, Value::Null);
    for unknown in [
        act(&server, "/alerts/unsilence", &[("rule", "Nothing")]).await,
        server.get("/alerts/silence?rule=Nothing").await,
        server.get("/alerts/silence").await,
    ] {
        html(&unknown, 404);
    }
}

#[tokio::test]
async fn a_value_beyond_its_threshold_that_does_not_fire_says_why() {
    let change = |settings: &mut Settings| settings.alerts.thresholds.no_workers = Duration::from_millis(1);
    let server = Backend::Sqlite.serve_with(change).await;
    for _ in 0..2 {
        server.create(&json!({"kind": "k"})).await;
    }
    // One waits, but somebody works on the queue.
    server.claim_one().await;
    let page = page_with(&server, "/alerts", "its other conditions do not hold").await;
    assert!(!page.contains("class=\"alert"), "{page}");
}

#[tokio::test]
async fn a_service_that_does_not_watch_itself_says_so() {
    let server = Backend::Sqlite.serve_with(|settings| settings.alerts.enabled = false).await;
    for path in ["/", "/alerts"] {
        let page = html(&server.get(path).await, 200);
        has(&page, &["alerts.enabled is false"]);
        assert!(!page.contains("No alert is firing."), "{page}");
    }
}
