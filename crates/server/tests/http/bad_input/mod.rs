//! Requests that are wrong: each is answered with the right problem, none with 500, and none changes
//! anything.

mod creation;
mod envelope;
mod reads;
mod work;
mod world;

use serde_json::Value;

use crate::support::Backend;
use crate::support::{Answer, Raw, request_text};
use world::World;

on_every_database! {
    both: bad_requests_get_their_problem_and_change_nothing
}

/// The key of the server under test.
const KEY: &str = "s3cret";
/// Requests in the table at least; it only grows.
const CASES_MIN: usize = 360;

/// A request and the problem it gets.
struct Bad {
    name: String,
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, Vec<u8>)>,
    body: Vec<u8>,
    code: &'static str,
    field: Option<&'static str>,
}

impl Bad {
    fn new(name: &str, method: &'static str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![
            ("authorization", format!("Bearer {KEY}").into_bytes()),
            ("content-type", b"application/json".to_vec()),
        ];
        let (name, path, body) = (name.to_owned(), path.to_owned(), body.into());
        Self { name, method, path, headers, body, code: "validation_failed", field: None }
    }

    fn post(name: &str, path: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::new(name, "POST", path, body)
    }

    fn get(name: &str, path: &str) -> Self {
        Self::new(name, "GET", path, "")
    }

    /// The expected code; without it, `validation_failed`.
    fn code(self, code: &'static str) -> Self {
        Self { code, ..self }
    }

    /// The field that the problem has to name.
    fn field(self, field: &'static str) -> Self {
        Self { field: Some(field), ..self }
    }

    /// Sets a header in place of the one there is, if any.
    fn header(mut self, name: &'static str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    fn without(mut self, name: &'static str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    /// What is wrong with the answer.
    fn judge(&self, answer: &Answer) -> Result<(), String> {
        let check = std::panic::AssertUnwindSafe(|| answer.problem(self.code));
        let Ok(problem) = std::panic::catch_unwind(check) else {
            return Err(format!("{} {}", answer.status, answer.text()));
        };
        let named = |field: &str| {
            problem["errors"].as_array().is_some_and(|errors| errors.iter().any(|e| e["field"] == field))
        };
        match self.field {
            Some(field) if !named(field) => Err(format!("{field} is not named: {problem}")),
            _ => Ok(()),
        }
    }
}

async fn send(world: &World, bad: &Bad) -> Answer {
    let headers: Vec<(&str, &[u8])> =
        bad.headers.iter().map(|(name, value)| (*name, value.as_slice())).collect();
    let request = request_text(bad.method, &bad.path, &headers, &bad.body);
    Raw::connect(world.server.address).await.exchange(&request).await
}

#[expect(clippy::print_stdout, reason = "the count is part of what is proved")]
async fn bad_requests_get_their_problem_and_change_nothing(backend: Backend) {
    let world = World::new(backend).await;
    let cases: Vec<Bad> = [
        envelope::cases(&world),
        creation::cases(),
        creation::batches(),
        reads::cases(&world),
        work::claims(),
        work::reports(&world),
        work::states(&world),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(cases.len() >= CASES_MIN, "{} cases", cases.len());
    let before: Value = world.snapshot().await;
    let mut failures = Vec::new();
    for bad in &cases {
        let answer = send(&world, bad).await;
        if let Err(reason) = bad.judge(&answer) {
            failures.push(format!("{} ({} {}): {reason}", bad.name, bad.method, bad.path));
        }
    }
    println!("{} bad requests, {} answered wrongly", cases.len(), failures.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_eq!(world.snapshot().await, before, "nothing was changed");
}
