//! Bad ids, queries and cursors.

use super::Bad;
use super::world::World;

/// An id that no task has.
pub(super) const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

pub(super) fn cases(world: &World) -> Vec<Bad> {
    let queries = [
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("limit=-1", "limit"),
        ("limit=ten", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("limit=", "limit"),
        ("limit=1.5", "limit"),
        ("limit=1&limit=2", "query"),
        ("cursor=", "cursor"),
        ("cursor=next", "cursor"),
        ("cursor=%00", "cursor"),
        ("cursor=../../etc", "cursor"),
        ("state=done", "state"),
        ("state=", "state"),
        ("state=Running", "state"),
        ("state=running,dead", "state"),
        ("queue=%00", "queue"),
        ("kind=a%00b", "kind"),
        ("tag=%00", "tag"),
        ("queue=a&queue=b", "query"),
        ("order=asc", "order"),
        ("wait=5s", "wait"),
        ("%00=1", "query"),
    ];
    let mut cases: Vec<Bad> = queries
        .into_iter()
        .map(|(query, field)| Bad::get("a bad query", &format!("/api/v1/tasks?{query}")).field(field))
        .collect();
    let waits = [
        ("wait=5", "wait"),
        ("wait=-5s", "wait"),
        ("wait=61s", "wait"),
        ("wait=", "wait"),
        ("wait=1s&wait=2s", "query"),
        ("state=dead", "state"),
    ];
    cases.extend(waits.into_iter().map(|(query, field)| {
        Bad::get("a bad wait", &format!("/api/v1/tasks/{}?{query}", world.available)).field(field)
    }));
    for id in
        ["1", "none", "%00", "..", "01890a5d-ac96-774b-bcce-b302099a805", "0x12", "%F0%9F%99%82", "null"]
    {
        cases.push(Bad::get("a bad id", &format!("/api/v1/tasks/{id}")).field("id"));
    }
    cases.push(Bad::get("an id that is not UTF-8", "/api/v1/tasks/%FF").field("id"));
    cases.push(Bad::post("a verb on a bad id", "/api/v1/tasks/%FF%FE/cancel", "").field("id"));
    cases.push(Bad::get("an unknown task", &format!("/api/v1/tasks/{UNKNOWN}")).code("not_found"));
    cases.push(
        Bad::get("an unknown task, waiting", &format!("/api/v1/tasks/{UNKNOWN}?wait=30s")).code("not_found"),
    );
    cases.push(Bad::get("an unknown queue", "/api/v1/queues/nowhere").code("not_found"));
    cases.push(Bad::get("a queue with a NUL", "/api/v1/queues/%00").code("not_found"));
    cases.push(Bad::get("a queue that is not UTF-8", "/api/v1/queues/%FF").field("queue"));
    cases.push(Bad::post("pausing nothing", "/api/v1/queues//pause", "").field("queue"));
    cases.push(Bad::post("pausing a NUL", "/api/v1/queues/%00/pause", "").field("queue"));
    cases.push(Bad::post("pausing bytes", "/api/v1/queues/%FF/pause", "").field("queue"));
    let long = format!("/api/v1/queues/{}/pause", "q".repeat(101));
    cases.push(Bad::post("pausing a long name", &long, "").field("queue"));
    cases.push(Bad::post("resuming a control character", "/api/v1/queues/a%0Ab/resume", "").field("queue"));
    cases
}
