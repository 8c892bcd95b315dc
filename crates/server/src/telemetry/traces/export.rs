//! Sending spans: in batches, in the background, each again for as long as there is time.

use std::time::Duration;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;
use prost::Message;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Response, StatusCode, Url};
use secrecy::ExposeSecret;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{TraceSettings, TracesRefused};
use crate::outgoing;

/// Spans in one request.
const BATCH_SPANS_MAX: usize = 512;
/// How long the first span of a batch waits for others.
const LINGER: Duration = Duration::from_secs(1);
/// The wait before a batch is sent again; each further one is twice as long.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// How much of an answer is read.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// Counts spans that nobody will see.
pub(super) fn dropped(reason: &'static str, spans: u64) {
    metrics::counter!("taskward_trace_spans_dropped_total", "reason" => reason).increment(spans);
}

/// Who takes spans, and how they are sent there.
#[derive(Debug)]
pub(super) struct Exporter {
    client: Client,
    url: Url,
    headers: HeaderMap,
    timeout: Duration,
    resource: ResourceAttributesWithSchema,
}

/// A request that the receiver did not take.
struct Refused {
    why: String,
    /// Whether the same request may be taken later.
    again: bool,
}

impl Exporter {
    pub(super) fn new(settings: &TraceSettings, resource: &Resource) -> Result<Self, TracesRefused> {
        let refused = |error: &dyn std::fmt::Display| TracesRefused::Endpoint(error.to_string());
        let mut url = Url::parse(settings.endpoint.expose_secret()).map_err(|error| refused(&error))?;
        let cannot = |()| refused(&"it cannot have a path");
        url.path_segments_mut().map_err(cannot)?.pop_if_empty().extend(["v1", "traces"]);
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
        for (name, value) in &settings.headers {
            let header = || TracesRefused::Header(name.clone());
            let mut value = HeaderValue::try_from(value.expose_secret()).map_err(|_| header())?;
            value.set_sensitive(true);
            headers.insert(HeaderName::try_from(name.as_str()).map_err(|_| header())?, value);
        }
        let client = outgoing::client(&url, settings.timeout).map_err(|error| refused(&error))?;
        Ok(Self { client, url, headers, timeout: settings.timeout, resource: resource.into() })
    }

    /// Sends what comes, until it is told to end and everything is sent.
    pub(super) async fn run(self, mut spans: Receiver<SpanData>, ending: CancellationToken) {
        let mut works = true;
        loop {
            let batch = gather(&mut spans, &ending).await;
            if batch.is_empty() {
                return;
            }
            let count = batch.len() as u64;
            match self.send(batch).await {
                Ok(rejected) => {
                    let rejected = rejected.min(count);
                    metrics::counter!("taskward_trace_spans_exported_total").increment(count - rejected);
                    if rejected > 0 {
                        dropped("rejected", rejected);
                    }
                    if !std::mem::replace(&mut works, true) {
                        tracing::info!("spans are taken again");
                    }
                }
                Err(why) => {
                    dropped("failed", count);
                    // Told once, not for every batch.
                    if std::mem::replace(&mut works, false) {
                        tracing::warn!(
                            error = why,
                            "spans are not taken; they are dropped, and counted, until they are"
                        );
                    }
                }
            }
        }
    }

    /// Sends a batch. Says how many of its spans the receiver did not want, or why it was not taken.
    async fn send(&self, batch: Vec<SpanData>) -> Result<u64, String> {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec());
        let deadline = Instant::now() + self.timeout;
        let mut pause = AGAIN_AFTER;
        loop {
            let Refused { why, again } =
                match tokio::time::timeout_at(deadline, self.send_once(body.clone())).await {
                    Ok(Ok(rejected)) => return Ok(rejected),
                    Ok(Err(refused)) => refused,
                    Err(_) => return Err("no answer in time".to_owned()),
                };
            if !again || Instant::now() + pause >= deadline {
                return Err(why);
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
    }

    async fn send_once(&self, body: Bytes) -> Result<u64, Refused> {
        let lost = |error| Refused { why: outgoing::without_url(error), again: true };
        let request = self.client.post(self.url.clone()).headers(self.headers.clone()).body(body);
        let response = request.send().await.map_err(lost)?;
        let status = response.status();
        if status.is_success() {
            return Ok(rejected(response).await);
        }
        let again = [
            StatusCode::TOO_MANY_REQUESTS,
            StatusCode::BAD_GATEWAY,
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::GATEWAY_TIMEOUT,
        ];
        Err(Refused { why: format!("the receiver answered {status}"), again: again.contains(&status) })
    }
}

/// How many spans the answer says were not wanted. An answer that cannot be read says nothing.
async fn rejected(mut response: Response) -> u64 {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_BYTES_MAX {
            return 0;
        }
    }
    let answer = ExportTraceServiceResponse::decode(body.as_slice()).unwrap_or_default();
    answer.partial_success.map_or(0, |partly| u64::try_from(partly.rejected_spans).unwrap_or(0))
}

/// The next batch; an empty one once it is time to end and nothing is left.
async fn gather(spans: &mut Receiver<SpanData>, ending: &CancellationToken) -> Vec<SpanData> {
    let mut batch = Vec::new();
    let mut until = None;
    loop {
        let room = BATCH_SPANS_MAX - batch.len();
        let full = async {
            match until {
                Some(until) => tokio::time::sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            // What is in it already still comes out.
            () = ending.cancelled(), if !spans.is_closed() => spans.close(),
            received = spans.recv_many(&mut batch, room) => {
                if received == 0 || batch.len() == BATCH_SPANS_MAX {
                    return batch;
                }
                until.get_or_insert_with(|| Instant::now() + LINGER);
            }
            () = full => return batch,
        }
    }
}
