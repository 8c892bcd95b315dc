//! Claims and reports that are wrong, and verbs that a task's state forbids.

use serde_json::{Value, json};

use super::Bad;
use super::reads::UNKNOWN;
use super::world::World;

pub(super) fn claims() -> Vec<Bad> {
    let names = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    let with = |field: &'static str, value: Value| {
        let mut body = json!({"worker_id": "bad", "queues": ["default"]});
        body[field] = value;
        Bad::post("a bad claim", "/api/v1/claim", body.to_string()).field(field)
    };
    let item = |field: &'static str, list: &str, value: Value| with_list(field, list, value);
    vec![
        Bad::post("no worker", "/api/v1/claim", "{\"queues\":[\"default\"]}"),
        Bad::post("no queues", "/api/v1/claim", "{\"worker_id\":\"bad\"}"),
        Bad::post("no body", "/api/v1/claim", "").code("invalid_json"),
        with("worker_id", json!("")),
        with("worker_id", json!("w".repeat(201))),
        with("worker_id", json!("a\u{0}")),
        with("worker_id", json!(5)),
        with("queues", json!([])),
        with("queues", json!("default")),
        with("queues", json!(names(51))),
        item("queues[0]", "queues", json!([""])),
        item("queues[1]", "queues", json!(["default", "a\u{0}"])),
        item("queues[0]", "queues", json!([5])),
        with("kinds", json!("k")),
        with("kinds", json!(names(201))),
        item("kinds[0]", "kinds", json!(["\u{7f}"])),
        with("max", json!(0)),
        with("max", json!(-1)),
        with("max", json!(1001)),
        with("max", json!(1.5)),
        with("max", json!("10")),
        with("wait", json!("61s")),
        with("wait", json!(20)),
        with("wait", json!("-1s")),
        with("lease", json!("0s")),
        with("lease", json!("25h")),
        with("lease", json!("soon")),
        with("limit", json!(5)),
    ]
}

fn with_list(field: &'static str, list: &str, value: Value) -> Bad {
    let mut body = json!({"worker_id": "bad", "queues": ["default"]});
    body[list] = value;
    Bad::post("a bad claim", "/api/v1/claim", body.to_string()).field(field)
}

fn path(id: &str, verb: &str) -> String {
    format!("/api/v1/tasks/{id}/{verb}")
}

pub(super) fn reports(world: &World) -> Vec<Bad> {
    let token = &world.lease;
    let report =
        |name: &str, verb: &str, body: Value| Bad::post(name, &path(&world.running, verb), body.to_string());
    let error = |error: Value| json!({"lease_token": token, "error": error});
    let good = json!({"type": "E", "message": "m"});
    let deep: Value = (0..120).fold(json!(1), |inner, _| json!([inner]));
    let progress = |progress: Value| {
        report("a bad progress", "heartbeat", json!({"lease_token": token, "progress": progress}))
            .field("progress")
    };
    vec![
        report("no lease", "complete", json!({})),
        report("a lease that is a number", "complete", json!({"lease_token": 5})).field("lease_token"),
        report("an empty lease", "complete", json!({"lease_token": ""})).field("lease_token"),
        report("an unknown member", "complete", json!({"lease_token": token, "output": 1})).field("output"),
        report("a failure without an error", "fail", json!({"lease_token": token})),
        report("an error that is a text", "fail", error(json!("broken"))).field("error"),
        report("an error without a type", "fail", error(json!({"message": "m"}))).field("error"),
        report("an error with an empty type", "fail", error(json!({"type": "", "message": "m"})))
            .field("error.type"),
        report("an error with a long type", "fail", error(json!({"type": "T".repeat(201), "message": "m"})))
            .field("error.type"),
        report("an error with a NUL", "fail", error(json!({"type": "a\u{0}", "message": "m"})))
            .field("error.type"),
        report("a wrong retryable", "fail", json!({"lease_token": token, "error": good, "retryable": "no"}))
            .field("retryable"),
        report(
            "a long retry_after",
            "fail",
            json!({"lease_token": token, "error": good, "retry_after": "31d"}),
        )
        .field("retry_after"),
        report(
            "a negative retry_after",
            "fail",
            json!({"lease_token": token, "error": good, "retry_after": "-1s"}),
        )
        .field("retry_after"),
        report("a snooze without a delay", "snooze", json!({"lease_token": token})),
        report("a snooze for ever", "snooze", json!({"lease_token": token, "delay": "367d"})).field("delay"),
        report("a snooze for a number", "snooze", json!({"lease_token": token, "delay": 5})).field("delay"),
        report("a release with a delay", "release", json!({"lease_token": token, "delay": "5s"}))
            .field("delay"),
        report("a lease of nothing", "heartbeat", json!({"lease_token": token, "lease": "0s"}))
            .field("lease"),
        report("a lease for ever", "heartbeat", json!({"lease_token": token, "lease": "25h"})).field("lease"),
        progress(json!([1])),
        progress(json!("half")),
        progress(json!({"p": "x".repeat(16 * 1024)})),
        progress(json!({"p": deep})),
        report("a deep result", "complete", json!({"lease_token": token, "result": deep})).field("result"),
        Bad::post("no results", "/api/v1/results", "{}"),
        Bad::post("empty results", "/api/v1/results", "{\"results\":[]}").field("results"),
        Bad::post("results that are no list", "/api/v1/results", "{\"results\":5}").field("results"),
        Bad::post("10,001 results", "/api/v1/results", json!({"results": vec![1; 10_001]}).to_string())
            .field("results"),
    ]
}

pub(super) fn states(world: &World) -> Vec<Bad> {
    let mut cases = Vec::new();
    let error = json!({"type": "E", "message": "m"});
    let verbs = |token: &str| {
        [
            ("heartbeat", json!({"lease_token": token})),
            ("complete", json!({"lease_token": token})),
            ("fail", json!({"lease_token": token, "error": error})),
            ("snooze", json!({"lease_token": token, "delay": "1s"})),
            ("release", json!({"lease_token": token})),
        ]
    };
    for (verb, body) in verbs(&world.stale) {
        // The earlier lease ended with a release: that report may be repeated, but not after a new claim.
        cases.push(
            Bad::post("a stale lease", &path(&world.running, verb), body.to_string()).code("lease_lost"),
        );
    }
    for token in
        ["-1", "0", "+1", "007", "9223372036854775807", "99999999999999999999", "1e3", "lease", "\u{0}", "ü"]
    {
        let body = json!({"lease_token": token}).to_string();
        cases.push(Bad::post("a made-up lease", &path(&world.running, "complete"), body).code("lease_lost"));
    }
    let padded = json!({"lease_token": format!("+{}", world.lease)}).to_string();
    cases.push(Bad::post("nearly the lease", &path(&world.running, "complete"), padded).code("lease_lost"));
    for (verb, body) in verbs(&world.spent).into_iter().filter(|(verb, _)| *verb != "complete") {
        cases.push(
            Bad::post("a finished task", &path(&world.completed, verb), body.to_string()).code("lease_lost"),
        );
    }
    for id in [&world.available, &world.scheduled, &world.cancelled, &world.dead] {
        let body = json!({"lease_token": "5"}).to_string();
        cases.push(Bad::post("a task that does not run", &path(id, "complete"), body).code("lease_lost"));
    }
    for (verb, body) in verbs("1") {
        cases.push(Bad::post("an unknown task", &path(UNKNOWN, verb), body.to_string()).code("not_found"));
        cases.push(Bad::post("a bad id", &path("17", verb), body.to_string()).field("id"));
    }
    for verb in ["cancel", "retry"] {
        cases.push(Bad::post("an unknown task", &path(UNKNOWN, verb), "").code("not_found"));
        cases.push(Bad::post("a bad id", &path("17", verb), "").field("id"));
    }
    for id in [&world.completed, &world.cancelled, &world.dead] {
        cases.push(Bad::post("cancelling what is finished", &path(id, "cancel"), "").code("invalid_state"));
    }
    for id in [&world.available, &world.scheduled, &world.running, &world.completed, &world.cancelled] {
        cases.push(Bad::post("retrying what is not dead", &path(id, "retry"), "").code("invalid_state"));
    }
    cases
}
