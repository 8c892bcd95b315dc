//! What the tests of the HTTP interface stand on.

mod answer;
mod client;
#[macro_use]
mod databases;
mod faults;
mod raw;
mod server;

pub(crate) use answer::{Answer, keys};
pub(crate) use client::Call;
pub(crate) use databases::run_on_postgres;
pub(crate) use faults::{Fault, Faults, INTERNALS};
pub(crate) use raw::{Raw, request_text};
pub(crate) use server::{Backend, TestServer, never_polls};

use std::future::Future;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

/// Longer than anything here takes; a test that waits in vain fails instead of hanging.
const PATIENCE: Duration = Duration::from_secs(30);

/// The future's value, or a failed test.
pub(crate) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: did not happen within {PATIENCE:?}"),
    }
}

/// A moment of an answer.
pub(crate) fn moment(value: &Value) -> Timestamp {
    value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| panic!("not a moment: {value}"))
}

/// Milliseconds from one moment of an answer to another.
pub(crate) fn millis_between(from: &Value, to: &Value) -> i64 {
    let micros = moment(to).as_microsecond() - moment(from).as_microsecond();
    micros / 1000
}

/// A string of an answer.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}"))
}

/// A list of an answer.
pub(crate) fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap_or_else(|| panic!("not a list: {value}"))
}
