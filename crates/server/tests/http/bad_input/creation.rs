//! Tasks that cannot be created.

use serde_json::{Value, json};

use super::Bad;

const TASKS: &str = "/api/v1/tasks";
const BATCH: &str = "/api/v1/tasks/batch";

pub(super) fn cases() -> Vec<Bad> {
    let mut cases: Vec<Bad> = [names(), numbers(), durations(), moments(), structures()]
        .into_iter()
        .flatten()
        .map(|(field, members)| {
            let body =
                if members.contains("\"kind\"") { members } else { format!("\"kind\":\"k\",{members}") };
            Bad::post("a bad field", TASKS, format!("{{{body}}}")).field(field)
        })
        .collect();
    cases.extend(headers());
    cases.push(Bad::post("no kind", TASKS, "{}"));
    cases.push(
        Bad::post(
            "a taken key",
            TASKS,
            "{\"kind\":\"k\",\"unique\":{\"key\":\"taken\",\"on_conflict\":\"reject\"}}",
        )
        .code("unique_conflict"),
    );
    cases
}

/// A field and members of a body that are wrong there.
type Wrong = (&'static str, String);

fn names() -> Vec<Wrong> {
    let many: Vec<String> = (0..21).map(|n| format!("\"{n}\"")).collect();
    vec![
        ("kind", "\"kind\":\"\"".to_owned()),
        ("kind", "\"kind\":5".to_owned()),
        ("kind", "\"kind\":null".to_owned()),
        ("kind", format!("\"kind\":\"{}\"", "ü".repeat(201))),
        ("kind", "\"kind\":\"a\\u0000b\"".to_owned()),
        ("kind", "\"kind\":\"a\\nb\"".to_owned()),
        ("kind", "\"kind\":\"a\\u0085b\"".to_owned()),
        ("", "\"kind\":\"a\",\"kind\":\"b\"".to_owned()),
        ("kind", "\"kind\":\"\\ud800\"".to_owned()),
        ("queue", "\"queue\":\"\"".to_owned()),
        ("queue", format!("\"queue\":\"{}\"", "q".repeat(101))),
        ("queue", "\"queue\":\"a\\u0000\"".to_owned()),
        ("queue", "\"queue\":[\"a\"]".to_owned()),
        ("tags", format!("\"tags\":[{}]", many.join(","))),
        ("tags", "\"tags\":\"a\"".to_owned()),
        ("tags[1]", "\"tags\":[\"a\",\"\"]".to_owned()),
        ("tags[0]", "\"tags\":[\"\\u0000\"]".to_owned()),
        ("tags[0]", format!("\"tags\":[\"{}\"]", "t".repeat(101))),
        ("tags[0]", "\"tags\":[null]".to_owned()),
        ("traceparent", "\"traceparent\":\"nonsense\"".to_owned()),
        ("traceparent", "\"traceparent\":7".to_owned()),
    ]
}

fn numbers() -> Vec<Wrong> {
    let wrong = |field, values: &[&str]| -> Vec<Wrong> {
        values.iter().map(|value| (field, format!("\"{field}\":{value}"))).collect()
    };
    let mut all =
        wrong("priority", &["0", "10", "-1", "5.0", "5.5", "\"5\"", "true", "99999999999999999999", "1e3"]);
    all.extend(wrong("max_attempts", &["0", "-3", "1001", "9223372036854775807", "[]"]));
    for (field, members) in [
        ("retry.factor", "\"factor\":0.5"),
        ("retry.factor", "\"factor\":-2"),
        ("retry.factor", "\"factor\":101"),
        ("retry.factor", "\"factor\":\"2\""),
        ("retry.factor", "\"factor\":1e999"),
        ("retry.jitter", "\"jitter\":1.01"),
        ("retry.jitter", "\"jitter\":-0.1"),
        ("retry.initial", "\"initial\":5"),
        ("retry.max", "\"max\":\"31d\""),
    ] {
        all.push((field, format!("\"retry\":{{{members}}}")));
    }
    all
}

fn durations() -> Vec<Wrong> {
    let texts = [
        "",
        " ",
        "5",
        "5 s",
        "s",
        "-5s",
        "+5s",
        "1.5s",
        "5S",
        "5 apples",
        "1s1m",
        "1s1s",
        "٣s",
        "5s ",
        "1e3s",
        "99999999999999999999s",
        "4000d",
        "367d",
        "PT5S",
        "null",
        "5s\\u0000",
    ];
    let mut all: Vec<Wrong> =
        texts.into_iter().map(|text| ("delay", format!("\"delay\":\"{text}\""))).collect();
    for value in ["5", "-5", "{\"secs\":5}", "[\"5s\"]", "true"] {
        all.push(("delay", format!("\"delay\":{value}")));
    }
    for value in ["\"0s\"", "\"8d\"", "60", "\"\""] {
        all.push(("timeout", format!("\"timeout\":{value}")));
    }
    all
}

fn moments() -> Vec<Wrong> {
    let texts = [
        "\"\"",
        "\"tomorrow\"",
        "\"2030-02-30T00:00:00Z\"",
        "\"2030-01-01T25:00:00Z\"",
        "\"2030-01-01\"",
        "\"2030-01-01T00:00:00\"",
        "1893456000",
        "\"-012000-01-01T00:00:00Z\"",
        "\"10000-01-01T00:00:00Z\"",
        "\"9999-12-31T23:59:59Z\"",
        "[]",
    ];
    let mut all: Vec<Wrong> =
        texts.into_iter().map(|text| ("run_at", format!("\"run_at\":{text}"))).collect();
    all.push(("delay", "\"delay\":\"1s\",\"run_at\":\"2030-01-01T00:00:00Z\"".to_owned()));
    all
}

fn structures() -> Vec<Wrong> {
    let large = json!({"m": "x".repeat(16 * 1024)});
    let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let deeper = format!("{}1{}", "{\"a\":".repeat(20_000), "}".repeat(20_000));
    vec![
        ("payload", format!("\"payload\":{deep}")),
        ("payload", format!("\"payload\":{deeper}")),
        ("", "\"payload\":1,\"payload\":2".to_owned()),
        ("payload", "\"payload\":[1e400]".to_owned()),
        ("payload", "\"payload\":\"\\ud800\"".to_owned()),
        ("metadata", format!("\"metadata\":{{\"a\":{deep}}}")),
        ("metadata", format!("\"metadata\":{large}")),
        ("metadata", "\"metadata\":[]".to_owned()),
        ("metadata", "\"metadata\":\"text\"".to_owned()),
        ("metadata", "\"metadata\":5".to_owned()),
        ("retry", "\"retry\":\"never\"".to_owned()),
        ("retry.tries", "\"retry\":{\"tries\":3}".to_owned()),
        ("unique", "\"unique\":\"key\"".to_owned()),
        ("unique", "\"unique\":{}".to_owned()),
        ("unique.key", "\"unique\":{\"key\":\"\"}".to_owned()),
        ("unique.key", "\"unique\":{\"key\":\"a\\u0000\"}".to_owned()),
        ("unique.key", format!("\"unique\":{{\"key\":\"{}\"}}", "u".repeat(201))),
        ("unique.on_conflict", "\"unique\":{\"key\":\"a\",\"on_conflict\":\"replace\"}".to_owned()),
        ("prioritiy", "\"prioritiy\":1".to_owned()),
        ("id", "\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\"".to_owned()),
        ("state", "\"state\":\"completed\"".to_owned()),
        ("Kind", "\"Kind\":\"k\",\"kind\":\"k\"".to_owned()),
    ]
}

fn headers() -> Vec<Bad> {
    let key = |name: &str, value: &[u8]| {
        Bad::post(name, TASKS, "{\"kind\":\"k\"}").header("idempotency-key", value).field("Idempotency-Key")
    };
    let reused = "idempotency_key_reused";
    vec![
        key("an empty key", b""),
        key("an empty quoted key", b"\"\""),
        key("a long key", &[b'x'; 256]),
        key("a key of other letters", "schlüssel".as_bytes()),
        key("a key of bytes", b"\xff\xfe"),
        Bad::post("a reused key", TASKS, "{\"kind\":\"other\"}")
            .header("idempotency-key", "used")
            .code(reused),
        Bad::post("a reused key, quoted", TASKS, "{\"kind\":\"other\"}")
            .header("idempotency-key", "\"used\"")
            .code(reused),
        Bad::post("a reused key of a batch", BATCH, "{\"tasks\":[{\"kind\":\"other\"}]}")
            .header("idempotency-key", "used")
            .code(reused),
    ]
}

/// Batches that fail as a whole. Batches with bad items in them are in `tasks/batch.rs`.
pub(super) fn batches() -> Vec<Bad> {
    let task = json!({"kind": "k"});
    let post = |name: &str, body: Value| Bad::post(name, BATCH, body.to_string());
    let lines = |name: &str, body: String| {
        Bad::post(name, BATCH, body).header("content-type", "application/x-ndjson")
    };
    let atomic = |bad: Value| json!({"atomic": true, "tasks": [task, bad, task]});
    vec![
        post("no tasks", json!({})),
        post("an empty batch", json!({"tasks": []})).field("tasks"),
        post("tasks that are no list", json!({"tasks": {"kind": "k"}})).field("tasks"),
        post("a task instead of a batch", task.clone()),
        post("a list instead of a batch", json!([task])),
        post("a wrong atomic", json!({"tasks": [task], "atomic": "yes"})).field("atomic"),
        post("an unknown member", json!({"tasks": [task], "mode": "fast"})).field("mode"),
        post("10,001 tasks", json!({"tasks": vec![task.clone(); 10_001]})).field("tasks"),
        lines("no lines", "\n \n".to_owned()).field("tasks"),
        lines("10,001 lines", "{\"kind\":\"k\"}\n".repeat(10_001)).field("tasks"),
        post("atomic with a bad task", atomic(json!({"kind": "k", "priority": 0})))
            .field("tasks[1].priority"),
        post("atomic with no task", atomic(json!(null))).field("tasks[1]"),
        post(
            "atomic with a taken key",
            atomic(json!({"kind": "k", "unique": {"key": "taken", "on_conflict": "reject"}})),
        )
        .code("unique_conflict"),
        post("atomic with a large payload", atomic(json!({"kind": "k", "payload": "x".repeat(256 * 1024)})))
            .code("payload_too_large"),
    ]
}
