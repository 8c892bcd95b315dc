//! From an HTTP response to a value, or to an error.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use taskward_api::Problem;

use crate::{Client, ClientError};

/// How much of an answer that is not understood is shown, in characters.
const SHOWN_MAX: usize = 200;

/// A response that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: Vec<u8>,
    retry_after: Option<Duration>,
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Result<Self, reqwest::Error> {
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let body = response.bytes().await?.into();
        Ok(Self { status, body, retry_after })
    }

    /// The answer, if it is a success.
    pub(crate) fn success(self, client: &Client) -> Result<Self, ClientError> {
        if self.status.is_success() { Ok(self) } else { Err(self.into_error(client)) }
    }

    /// What the service, or somebody between, refused the call with.
    pub(crate) fn into_error(self, client: &Client) -> ClientError {
        match serde_json::from_slice::<Problem>(&self.body) {
            Ok(mut problem) => {
                problem.detail = without_key(client, &problem.detail);
                ClientError::Problem { problem: Box::new(problem), retry_after: self.retry_after }
            }
            Err(_) => protocol(client, self.status, &String::from_utf8_lossy(&self.body)),
        }
    }
}

/// Reads a success.
pub(crate) fn parse<T: DeserializeOwned>(client: &Client, answer: &Answer) -> Result<T, ClientError> {
    serde_json::from_slice(&answer.body).map_err(|error| {
        protocol(client, answer.status, &format!("the body is not the expected JSON: {error}"))
    })
}

/// An answer that is not this service's.
pub(crate) fn protocol(client: &Client, status: StatusCode, text: &str) -> ClientError {
    let shown: String = text.chars().filter(|c| !c.is_control()).take(SHOWN_MAX).collect();
    let detail = match shown.trim() {
        "" => format!("status {status}, no body"),
        shown => format!("status {status}, {}", without_key(client, shown)),
    };
    ClientError::Protocol { url: client.url().to_owned(), status: status.as_u16(), detail }
}

/// What became of a request that has no answer.
pub(crate) fn lost(client: &Client, timeout: Duration, error: reqwest::Error) -> ClientError {
    let url = client.url().to_owned();
    let sent = !error.is_connect();
    if error.is_builder() {
        ClientError::InvalidRequest(error.without_url().to_string())
    } else if error.is_timeout() {
        let after = if sent { timeout } else { client.options.connect_timeout.min(timeout) };
        ClientError::TimedOut { url, sent, after }
    } else {
        ClientError::Unreachable { url, sent, source: innermost(&error).into() }
    }
}

/// The cause that says most: reqwest and hyper wrap it several times.
fn innermost(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

/// A broken proxy may send back the request, and with it the key.
fn without_key(client: &Client, text: &str) -> String {
    match &client.key {
        Some(key) if !key.expose_secret().is_empty() => text.replace(key.expose_secret(), "***"),
        _ => text.to_owned(),
    }
}

/// `Retry-After` in seconds, the only form this service uses.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
