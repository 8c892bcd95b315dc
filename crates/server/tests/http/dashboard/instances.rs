//! The page of the instances.

use serde_json::json;

use super::html;
use crate::support::Backend;

on_every_database! {
    both: the_instances_that_workers_asked_are_listed
}

async fn the_instances_that_workers_asked_are_listed(backend: Backend) {
    let one = backend.serve().await;
    let two = one.another().await;
    two.claim(&json!({"worker_id": "w", "queues": ["q"]})).await;
    // Whoever lists workers writes down those that asked.
    html(&two.get("/workers").await, 200);
    let page = html(&one.get("/instances").await, 200);
    for words in ["this one", "scope=\"row\">two", "Database connections in use", "Claims waiting"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let other = html(&two.get("/instances").await, 200);
    assert!(other.contains("id=\"this-title\">two"), "{other}");
}
