//! Wrong before a single field is looked at: keys, paths, methods, types, encodings, JSON.

use super::Bad;
use super::world::World;

const TASKS: &str = "/api/v1/tasks";
const BATCH: &str = "/api/v1/tasks/batch";
const CLAIM: &str = "/api/v1/claim";
const GOOD: &str = "{\"kind\":\"k\"}";

pub(super) fn cases(world: &World) -> Vec<Bad> {
    [keys(world), paths(world), methods(world), types(), json(), sizes(world)].into_iter().flatten().collect()
}

fn keys(world: &World) -> Vec<Bad> {
    let complete = format!("/api/v1/tasks/{}/complete", world.running);
    let report = format!("{{\"lease_token\":\"{}\"}}", world.lease);
    vec![
        Bad::post("no key", TASKS, GOOD).without("authorization").code("unauthorized"),
        Bad::post("wrong key", TASKS, GOOD).header("authorization", "Bearer wrong").code("unauthorized"),
        Bad::post("empty key", TASKS, GOOD).header("authorization", "Bearer ").code("unauthorized"),
        Bad::post("basic key", TASKS, GOOD).header("authorization", "Basic czNjcmV0").code("unauthorized"),
        Bad::post("bytes as key", TASKS, GOOD)
            .header("authorization", b"Bearer \xff\xfe".to_vec())
            .code("unauthorized"),
        Bad::post("key in the query", "/api/v1/tasks?key=s3cret", GOOD)
            .without("authorization")
            .code("unauthorized"),
        Bad::post("a valid report without a key", &complete, report)
            .without("authorization")
            .code("unauthorized"),
        Bad::post("a valid claim without a key", CLAIM, "{\"worker_id\":\"w\",\"queues\":[\"default\"]}")
            .without("authorization")
            .code("unauthorized"),
        Bad::get("an unknown path without a key", "/api/v2").without("authorization").code("unauthorized"),
        Bad::post("the key comes before the body", TASKS, "{").without("authorization").code("unauthorized"),
    ]
}

fn paths(world: &World) -> Vec<Bad> {
    let known = [
        "/api",
        "/api/v1",
        "/api/v1/tasks/",
        "/api/v2/tasks",
        "/API/V1/TASKS",
        "/api/v1/tasks/batch/x",
        "/api/v1//tasks",
        "/health/",
        "/..%2f..%2fetc/passwd",
        "/%00",
    ];
    let unknown = known.into_iter().map(|path| Bad::get("an unknown path", path).code("not_found"));
    let verb = format!("/api/v1/tasks/{}/explode", world.available);
    unknown.chain([Bad::post("an unknown verb", &verb, "{}").code("not_found")]).collect()
}

fn methods(world: &World) -> Vec<Bad> {
    let task = format!("/api/v1/tasks/{}", world.available);
    let cancel = format!("{task}/cancel");
    [
        ("PUT", TASKS),
        ("DELETE", TASKS),
        ("PATCH", TASKS),
        ("DELETE", &task),
        ("PUT", &task),
        ("POST", &task),
        ("GET", &cancel),
        ("GET", CLAIM),
        ("PUT", BATCH),
        ("POST", "/api/v1/queues"),
        ("DELETE", "/api/v1/queues/default"),
        ("POST", "/api/v1/workers"),
        ("POST", "/health"),
        ("POST", "/metrics"),
        ("BREW", TASKS),
        ("OPTIONS", TASKS),
    ]
    .into_iter()
    .map(|(method, path)| Bad::new("a wrong method", method, path, GOOD).code("method_not_allowed"))
    .collect()
}

fn types() -> Vec<Bad> {
    let wrong = |name: &str, value: &str| {
        Bad::post(name, TASKS, GOOD).header("content-type", value).code("unsupported_media_type")
    };
    vec![
        Bad::post("no content type", TASKS, GOOD).without("content-type").code("unsupported_media_type"),
        wrong("plain text", "text/plain"),
        wrong("a form", "application/x-www-form-urlencoded"),
        wrong("an empty content type", ""),
        wrong("JSON in another encoding", "application/json; charset=iso-8859-1"),
        wrong("NDJSON for one task", "application/x-ndjson"),
        wrong("nearly JSON", "application/jsonx"),
        Bad::post("CSV for a batch", BATCH, GOOD)
            .header("content-type", "text/csv")
            .code("unsupported_media_type"),
        Bad::post("NDJSON for a claim", CLAIM, GOOD)
            .header("content-type", "application/x-ndjson")
            .code("unsupported_media_type"),
    ]
}

fn json() -> Vec<Bad> {
    let broken: [(&str, &[u8]); 16] = [
        ("no body", b""),
        ("blanks only", b" \n "),
        ("half an object", b"{\"kind\":"),
        ("a trailing comma", b"{\"kind\":\"k\",}"),
        ("single quotes", b"{'kind':'k'}"),
        ("a comment", b"{\"kind\":\"k\"} // why"),
        ("two objects", b"{\"kind\":\"k\"}{\"kind\":\"k\"}"),
        ("NaN", b"{\"kind\":\"k\",\"payload\":NaN}"),
        ("a leading zero", b"{\"kind\":\"k\",\"payload\":01}"),
        ("a bare control character", b"{\"kind\":\"a\x01b\"}"),
        ("a bare NUL", b"{\"kind\":\"k\"\x00}"),
        ("a byte order mark", b"\xef\xbb\xbf{\"kind\":\"k\"}"),
        ("bad UTF-8", b"{\"kind\":\"\xff\xfe\"}"),
        ("bad UTF-8 in the payload", b"{\"kind\":\"k\",\"payload\":\"\xc3\x28\"}"),
        ("UTF-16", b"{\x00\"\x00k\x00\"\x00"),
        ("brackets only", b"[[[[[[[["),
    ];
    let mut cases: Vec<Bad> =
        broken.into_iter().map(|(name, body)| Bad::post(name, TASKS, body).code("invalid_json")).collect();
    for (path, body) in [(BATCH, "{\"tasks\":[{]}"), (CLAIM, "{\"worker_id\""), ("/api/v1/results", "{")] {
        cases.push(Bad::post("broken JSON elsewhere", path, body).code("invalid_json"));
    }
    let arrays = [
        ("/api/v1/claim", "[\"w\",[\"default\"]]"),
        (BATCH, "[[{\"kind\":\"k\"}]]"),
        ("/api/v1/results", "[[]]"),
    ];
    cases.extend(
        arrays.into_iter().map(|(path, body)| Bad::post("an array for an object", path, body).field("")),
    );
    for body in ["[]", "null", "\"k\"", "5", "[{\"kind\":\"k\"}]", "[\"k\"]", "[\"k\",\"default\"]"] {
        cases.push(Bad::post("not an object", TASKS, body));
    }
    cases
}

fn sizes(world: &World) -> Vec<Bad> {
    let text = |length: usize| "x".repeat(length);
    let mib = 1024 * 1024;
    let payload = |length| format!("{{\"kind\":\"k\",\"payload\":\"{}\"}}", text(length));
    let lease = &world.lease;
    let result = format!("{{\"lease_token\":\"{lease}\",\"result\":\"{}\"}}", text(256 * 1024));
    let complete = format!("/api/v1/tasks/{}/complete", world.running);
    let too_large = "payload_too_large";
    vec![
        Bad::post("a large payload", TASKS, payload(256 * 1024)).code(too_large),
        Bad::post("a large body", TASKS, payload(mib)).code(too_large),
        Bad::post("a huge body", TASKS, payload(20 * mib)).code(too_large),
        Bad::post("blanks beyond the limit", TASKS, text(mib).replace('x', " ")).code(too_large),
        Bad::post("a large claim", CLAIM, payload(mib)).code(too_large),
        Bad::post("a large batch", BATCH, text(65 * mib)).code(too_large),
        Bad::post("a large result", &complete, result).code(too_large),
    ]
}
