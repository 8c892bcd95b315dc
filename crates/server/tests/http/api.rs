//! `GET /api/test`, and the key that everything under `/api` wants.

use http::Method;
use serde_json::json;

use crate::support::Backend;

on_every_database! {
    both: without_a_key_everybody_may_do_everything, with_a_key_only_its_holders
}

async fn without_a_key_everybody_may_do_everything(backend: Backend) {
    let server = backend.serve().await;
    assert_eq!(server.get("/api/test").await.ok(200), json!({"status": "ok"}));
    let call = server.call(Method::GET, "/api/test").header("authorization", "Bearer whatever");
    call.send().await.ok(200);
}

async fn with_a_key_only_its_holders(backend: Backend) {
    let server = backend.serve_with(|settings| settings.api_key = Some("s3cret key".into())).await;
    for right in ["Bearer s3cret key", "bearer s3cret key", "BEARER   s3cret key "] {
        let call = server.call(Method::GET, "/api/test").header("authorization", right);
        assert_eq!(call.send().await.ok(200), json!({"status": "ok"}), "{right}");
    }
    let wrong =
        ["Bearer s3cret kez", "Bearer s3cret ke", "Bearer", "Bearer ", "Basic s3cret key", "s3cret key", ""];
    for wrong in wrong {
        let answer = server.call(Method::GET, "/api/test").header("authorization", wrong).send().await;
        let problem = answer.problem("unauthorized");
        assert_eq!(answer.header("www-authenticate"), "Bearer");
        assert!(!problem.to_string().contains("s3cret"), "{problem}");
    }
    for path in ["/api/test", "/api/v1/tasks", "/api/v1/queues", "/api/v1/workers", "/api/nowhere"] {
        server.get(path).await.problem("unauthorized");
    }
    server.post("/api/v1/tasks", &json!({"kind": "k"})).await.problem("unauthorized");
    for open in ["/health", "/health/live", "/health/ready", "/metrics", "/api/openapi.json"] {
        assert_eq!(server.get(open).await.status, 200, "{open}");
    }
}

#[tokio::test]
async fn requests_have_ids() {
    let backend = Backend::Sqlite;
    let server = backend.serve().await;
    let call = server.call(Method::GET, "/api/v1/tasks/none").header("x-request-id", "mine-1");
    let answer = call.send().await;
    assert_eq!(answer.header("x-request-id"), "mine-1");
    answer.problem("validation_failed");
    for odd in ["", "with blank", "ä", &"x".repeat(129)] {
        let answer = server.call(Method::GET, "/api/test").header("x-request-id", odd).send().await;
        assert_eq!(answer.header("x-request-id").len(), 36, "{odd:?} is replaced by a UUID");
    }
}
