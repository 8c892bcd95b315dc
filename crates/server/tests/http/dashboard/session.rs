//! Signing in and out.

use http::Method;
use serde_json::json;

use super::live::Live;
use super::{PAGES, form_token, html, submit};
use crate::support::{Answer, Backend, TestServer};

const KEY: &str = "correct-horse-battery-staple-0123";

async fn with_key() -> TestServer {
    Backend::Sqlite.serve_with(|settings| settings.api_key = Some(KEY.into())).await
}

/// Tries a key, as the form does.
async fn try_key(server: &TestServer, key: &str) -> Answer {
    let token = form_token(&server.get("/sign-in").await.text());
    let fields = [("key", key), ("next", "/tasks?queue=a"), ("form_token", &*token)];
    submit(server, "/sign-in", &fields).send().await
}

/// The cookie of an answer, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
}

async fn get(server: &TestServer, path: &str, cookie: &str) -> Answer {
    server.call(Method::GET, path).header("cookie", cookie).send().await
}

#[tokio::test]
async fn pages_want_a_session_where_there_is_a_key() {
    let server = with_key().await;
    let streams = ["/live/overview", "/live/queues", "/live/workers", "/live/instances", "/live/alerts"];
    let task = ["/tasks/0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6", "/tasks?queue=secret"];
    for path in PAGES.into_iter().chain(streams).chain(task) {
        let answer = get(&server, path, "taskward_session=0123.99999.abc").await;
        assert_eq!(answer.status, 303, "{path}");
        let (to, next) = answer.header("location").split_once("?next=").expect("and back here");
        let next =
            form_urlencoded::parse(format!("next={next}").as_bytes()).next().expect("one").1.into_owned();
        assert_eq!((to, &*next), ("/sign-in", path));
        assert!(answer.body.is_empty());
    }
    for path in [
        "/queues/pause",
        "/queues/retry-dead",
        "/alerts/silence",
        "/alerts/unsilence",
        "/tasks/0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6/cancel",
    ] {
        let answer = submit(&server, path, &[("queue", "q")]).send().await;
        assert_eq!((answer.status, answer.header("location")), (303, "/sign-in"), "{path}");
    }
    let page = html(&server.get("/sign-in").await, 200);
    assert!(
        !page.contains("<nav") && !page.contains("class=\"instance\""),
        "says nothing of the inside: {page}"
    );
    // Links from elsewhere come without the cookie; the page asks again by itself.
    let linked = server.call(Method::GET, "/tasks").header("sec-fetch-site", "cross-site").send().await;
    assert!(html(&linked, 200).contains("http-equiv=\"refresh\" content=\"0; url=/tasks\""));
}

#[tokio::test]
async fn the_key_opens_a_session_that_opens_pages_and_nothing_else() {
    let server = with_key().await;
    let wrong = try_key(&server, "wrong").await;
    assert!(html(&wrong, 401).contains("not valid") && wrong.header("set-cookie").is_empty());
    let right = try_key(&server, KEY).await;
    assert_eq!((right.status, right.header("location")), (303, "/tasks?queue=a"));
    let set = right.header("set-cookie");
    assert!(set.contains("; HttpOnly; SameSite=Strict") && !set.contains("Secure"), "{set}");
    assert!(!set.contains(KEY), "{set}");
    let session = cookie(&right);
    for path in PAGES {
        let page = html(&get(&server, path, &session).await, 200);
        assert!(page.contains("Sign out") && !page.contains(KEY), "{path}");
    }
    assert_eq!(get(&server, "/sign-in", &session).await.status, 303, "there already");

    // The interface for programs wants the key, as ever.
    get(&server, "/api/v1/tasks", &session).await.problem("unauthorized");
    let create = server.call(Method::POST, "/api/v1/tasks").header("cookie", &session);
    create.json(&json!({"kind": "k"})).send().await.problem("unauthorized");

    // A token belongs to its session.
    let stranger = form_token(&server.get("/sign-in").await.text());
    let pause = |token: &str| {
        submit(&server, "/queues/pause", &[("queue", "q"), ("form_token", token)]).header("cookie", &session)
    };
    html(&pause(&stranger).send().await, 403);
    let own = form_token(&get(&server, "/queues", &session).await.text());
    assert_eq!(pause(&own).send().await.header("location"), "/queues?notice=paused");

    let out = submit(&server, "/sign-out", &[("form_token", &own)]).header("cookie", &session).send().await;
    assert_eq!((out.status, out.header("location")), (303, "/sign-in"));
    assert!(out.header("set-cookie").starts_with("taskward_session=; Path=/; Max-Age=0"));
    assert_eq!(get(&server, "/", &session).await.status, 303, "a copy of the cookie is worth nothing");
}

/// A load balancer may send each request to another instance.
#[tokio::test]
async fn a_session_is_known_to_every_instance_with_the_key_and_after_a_restart() {
    let server = with_key().await;
    let other = with_key().await;
    // The form of one instance, sent to the other.
    let token = form_token(&server.get("/sign-in").await.text());
    let fields = [("key", KEY), ("next", "/queues"), ("form_token", &*token)];
    let session = cookie(&submit(&other, "/sign-in", &fields).send().await);
    let page = html(&get(&server, "/queues", &session).await, 200);
    let pause = [("queue", "q"), ("form_token", &*form_token(&page))];
    let paused = submit(&other, "/queues/pause", &pause).header("cookie", &session).send().await;
    assert_eq!(paused.header("location"), "/queues?notice=paused");
    let server = server.restart().await;
    html(&get(&server, "/queues", &session).await, 200);

    let another_key =
        Backend::Sqlite.serve_with(|settings| settings.api_key = Some("another-key-of-a-service".into()));
    assert_eq!(get(&another_key.await, "/queues", &session).await.status, 303, "a new key ends all sessions");
    let tampered = session.replacen("=0", "=1", 1);
    assert_ne!(tampered, session);
    assert_eq!(get(&server, "/queues", &tampered).await.status, 303);
    assert!(!session.contains(KEY));
}

#[tokio::test]
async fn signing_out_ends_what_is_open() {
    let server = with_key().await;
    let session = cookie(&try_key(&server, KEY).await);
    let mut live = Live::open_as(&server, "/live/queues", &session).await;
    live.regions().await.expect("an event");
    let token = form_token(&get(&server, "/queues", &session).await.text());
    submit(&server, "/sign-out", &[("form_token", &token)]).header("cookie", &session).send().await;
    while live.regions().await.is_some() {}
    let mut again = Live::open_as(&server, "/live/queues", &session).await;
    assert!(again.status().await.contains("303"));
}

#[tokio::test]
async fn a_session_behind_tls_is_for_tls_only() {
    let server = with_key().await;
    let token = form_token(&server.get("/sign-in").await.text());
    let call = submit(&server, "/sign-in", &[("key", KEY), ("form_token", &token)]);
    let answer = call.header("x-forwarded-proto", "https").send().await;
    assert!(answer.header("set-cookie").ends_with("; Secure"), "{}", answer.header("set-cookie"));
}

#[tokio::test]
async fn guessing_is_slowed_down() {
    let server = with_key().await;
    for _ in 0..10 {
        html(&try_key(&server, "guess").await, 401);
    }
    let answer = try_key(&server, KEY).await;
    assert!(html(&answer, 429).contains("Too many failed attempts"));
    assert_eq!(answer.header("retry-after"), "60");
    // Programs with the key are not concerned.
    let bearer = format!("Bearer {KEY}");
    server.call(Method::GET, "/api/test").header("authorization", &bearer).send().await.ok(200);
}

#[tokio::test]
async fn without_a_key_nobody_signs_in() {
    let server = Backend::Sqlite.serve().await;
    let answer = server.get("/sign-in?next=/queues").await;
    assert_eq!((answer.status, answer.header("location")), (303, "/queues"));
    assert!(!server.get("/").await.text().contains("Sign out"));
}
