//! One call: a request, sent again where that is safe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use taskward_api::TraceContext;

use crate::answer::{self, Answer};
use crate::retry::{self, Repeat};
use crate::{Client, ClientError, trace};

/// A call, ready to be sent any number of times.
#[derive(Debug)]
pub(crate) struct Call {
    method: Method,
    url: Url,
    body: Option<Vec<u8>>,
    idempotency_key: Option<HeaderValue>,
    trace: Option<Arc<TraceContext>>,
    repeat: Repeat,
    timeout: Duration,
}

impl Client {
    /// A call that reads.
    pub(crate) fn get(&self, path: &[&str]) -> Result<Call, ClientError> {
        self.call(Method::GET, path, Repeat::Safe)
    }

    /// A call that changes something.
    pub(crate) fn post(&self, path: &[&str], repeat: Repeat) -> Result<Call, ClientError> {
        self.call(Method::POST, path, repeat)
    }

    /// A call that takes something away; repeating it takes nothing more.
    pub(crate) fn delete(&self, path: &[&str]) -> Result<Call, ClientError> {
        self.call(Method::DELETE, path, Repeat::Safe)
    }

    /// A call that brings something into a state, however often it is made.
    pub(crate) fn put(&self, path: &[&str]) -> Result<Call, ClientError> {
        self.call(Method::PUT, path, Repeat::Safe)
    }

    fn call(&self, method: Method, path: &[&str], repeat: Repeat) -> Result<Call, ClientError> {
        let mut url = (*self.base).clone();
        if path.iter().any(|segment| matches!(*segment, "" | "." | "..")) {
            return Err(ClientError::InvalidRequest(
                "a name in the path is empty, \".\" or \"..\"".to_owned(),
            ));
        }
        let cannot = || ClientError::InvalidUrl("it cannot have a path".to_owned());
        url.path_segments_mut().map_err(|()| cannot())?.pop_if_empty().extend(path);
        let timeout = self.options.request_timeout;
        let trace = self.trace.clone().or_else(|| trace::current().map(Arc::new));
        Ok(Call { method, url, body: None, idempotency_key: None, trace, repeat, timeout })
    }

    /// Sends a call and reads the answer's body.
    pub(crate) async fn send<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let answer = self.send_raw(&call).await?;
        answer::parse(self, &answer)
    }

    /// Sends a call until it has an answer that is a success, or no further request is due.
    pub(crate) async fn send_raw(&self, call: &Call) -> Result<Answer, ClientError> {
        let began = Instant::now();
        let mut requests = 0;
        loop {
            requests += 1;
            let error = match self.send_once(call).await.and_then(|answer| answer.success(self)) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let draw = fastrand::f64();
            let elapsed = began.elapsed();
            match retry::delay(&self.options.retry, call.repeat, &error, requests, elapsed, draw) {
                Some(delay) => {
                    tracing::debug!(path = call.url.path(), requests, ?delay, %error, "sending again");
                    tokio::time::sleep(delay).await;
                }
                None => return Err(error),
            }
        }
    }

    /// One request and its answer, whatever its status.
    pub(crate) async fn send_once(&self, call: &Call) -> Result<Answer, ClientError> {
        let mut request = self.http.request(call.method.clone(), call.url.clone()).timeout(call.timeout);
        if let Some(body) = &call.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.clone());
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header(HeaderName::from_static("idempotency-key"), key);
        }
        if let Some(trace) = &call.trace {
            request = request.header("traceparent", trace.traceparent());
            if let Some(state) = trace.tracestate() {
                request = request.header("tracestate", state);
            }
        }
        let lost = |error| answer::lost(self, call.timeout, error);
        let response = request.send().await.map_err(lost)?;
        Answer::read(response).await.map_err(lost)
    }
}

impl Call {
    /// With a body.
    pub(crate) fn json(mut self, body: &impl Serialize) -> Result<Self, ClientError> {
        let written = serde_json::to_vec(body);
        self.body = Some(written.map_err(|error| ClientError::InvalidRequest(error.to_string()))?);
        Ok(self)
    }

    /// With a parameter of the query, when there is a value.
    pub(crate) fn query(mut self, name: &str, value: Option<&str>) -> Self {
        if let Some(value) = value {
            self.url.query_pairs_mut().append_pair(name, value);
        }
        self
    }

    /// With an `Idempotency-Key`, a random one when none is given: repeating the call is then safe.
    pub(crate) fn idempotent(mut self, key: Option<&str>) -> Result<Self, ClientError> {
        let key = key.map_or_else(|| uuid::Uuid::now_v7().to_string(), ToOwned::to_owned);
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            let why = "an idempotency key has visible ASCII characters only, and at least one";
            return Err(ClientError::InvalidRequest(why.to_owned()));
        }
        let value =
            HeaderValue::try_from(key).map_err(|error| ClientError::InvalidRequest(error.to_string()))?;
        self.idempotency_key = Some(value);
        self.repeat = Repeat::Safe;
        Ok(self)
    }

    /// With `wait` on top of what a request may take.
    pub(crate) fn waiting(mut self, wait: Option<Duration>) -> Self {
        self.timeout += wait.unwrap_or_default();
        self
    }

    /// With a shorter time limit.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.timeout = self.timeout.min(limit);
        self
    }
}
