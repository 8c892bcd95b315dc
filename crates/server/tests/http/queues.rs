//! `/api/v1/queues`.

use serde_json::json;

use crate::support::{Backend, keys, list, never_polls};

on_every_database! {
    both: depth_totals_age_and_rates, a_paused_queue_gives_nothing_even_after_a_restart, a_queue_is_any_name
}

async fn depth_totals_age_and_rates(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(server.get("/api/v1/queues").await.ok(200), json!({"queues": []}));
    server.get("/api/v1/queues/a").await.problem("not_found");
    for body in [json!({"kind": "k", "queue": "b"}), json!({"kind": "k", "queue": "a", "delay": "1h"})] {
        server.create(&body).await;
    }
    let all = server.get("/api/v1/queues").await.ok(200);
    let names: Vec<_> = list(&all["queues"]).iter().map(|queue| queue["name"].clone()).collect();
    assert_eq!(names, ["a", "b"]);
    let b = server.queue("b").await;
    assert_eq!(keys(&b), ["depth", "name", "oldest_age_seconds", "paused", "rates", "totals"]);
    assert_eq!(b["depth"], json!({"scheduled": 0, "available": 1, "running": 0}));
    assert_eq!(b["totals"], json!({"created": 1, "completed": 0, "cancelled": 0, "dead": 0}));
    assert!(b["oldest_age_seconds"].as_f64().is_some_and(|age| (0.0..30.0).contains(&age)), "{b}");
    let a = server.queue("a").await;
    assert_eq!((&a["depth"]["scheduled"], &a["oldest_age_seconds"]), (&json!(1), &json!(null)));
}

async fn a_paused_queue_gives_nothing_even_after_a_restart(backend: Backend) {
    let server = backend.serve_with(never_polls).await;
    server.create(&json!({"kind": "k", "queue": "q"})).await;
    for _ in 0..2 {
        let paused = server.post_empty("/api/v1/queues/q/pause").await.ok(200);
        assert_eq!((&paused["name"], &paused["paused"]), (&json!("q"), &json!(true)));
    }
    let demand = json!({"worker_id": "w", "queues": ["q"]});
    assert!(server.claim(&demand).await.is_empty());
    server.create(&json!({"kind": "k", "queue": "q"})).await;
    assert!(server.claim(&demand).await.is_empty(), "it takes tasks and gives none");

    let server = server.restart().await;
    assert_eq!(server.queue("q").await["paused"], true);
    assert!(server.claim(&demand).await.is_empty());
    let claims = server.faults.begun("claim");
    // What the claims before found empty is not asked for again; with another queue it is.
    let waiting = json!({"worker_id": "w", "queues": ["q", "other"], "max": 5, "wait": "20s"});
    let resuming = async {
        server.faults.reached("claim", claims + 1).await;
        server.post_empty("/api/v1/queues/q/resume").await.ok(200)
    };
    let (tasks, resumed) = tokio::join!(server.claim(&waiting), resuming);
    assert_eq!((tasks.len(), &resumed["paused"]), (2, &json!(false)));
}

async fn a_queue_is_any_name(backend: Backend) {
    let server = backend.serve().await;
    for (path, name) in [("a%2Fb%20c", "a/b c"), ("%C3%BC%25", "ü%"), ("..", ".."), ("pause", "pause")] {
        let paused = server.post_empty(&format!("/api/v1/queues/{path}/pause")).await.ok(200);
        assert_eq!((&paused["name"], &paused["totals"]["created"]), (&json!(name), &json!(0)));
        server.create(&json!({"kind": "k", "queue": name})).await;
        assert_eq!(server.queue(path).await["depth"]["available"], 1);
        server.post_empty(&format!("/api/v1/queues/{path}/resume")).await.ok(200);
    }
}
