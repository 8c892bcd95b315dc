//! The dashboard, without a browser; `tests/browser` has one.

mod actions;
mod alerts;
mod instances;
mod live;
mod pages;
mod session;

use http::Method;

use crate::support::{Answer, Call, TestServer};

/// Every page that needs nothing to be there.
const PAGES: [&str; 9] = [
    "/",
    "/queues",
    "/tasks",
    "/workers",
    "/instances",
    "/alerts",
    "/alerts/silence?rule=QueueStuck",
    "/configuration",
    "/queues/retry-dead?queue=default",
];

/// A page, which must be one.
#[track_caller]
fn html(answer: &Answer, status: u16) -> String {
    let text = answer.text();
    assert_eq!(answer.status, status, "{text}");
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    text
}

/// The token of a page's forms.
#[track_caller]
fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"form_token\" value=\"").expect("a page with a form");
    rest.split('"').next().unwrap_or_default().to_owned()
}

/// Submits a form as a browser does from a page of the dashboard.
fn submit(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Call {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let call = server.call(Method::POST, path).header("sec-fetch-site", "same-origin");
    call.body("application/x-www-form-urlencoded", body)
}

/// Submits a form with the token of a page, in a service without a key.
async fn act(server: &TestServer, path: &str, fields: &[(&str, &str)]) -> Answer {
    let token = form_token(&server.get("/configuration").await.text());
    let mut fields = fields.to_vec();
    fields.push(("form_token", &token));
    submit(server, path, &fields).send().await
}
