//! Getting messages to a channel: one after the other, each tried a few times, and its fate counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use secrecy::ExposeSecret;
use taskward_api::AlertChannel;
use tokio::sync::mpsc;

use super::message::Message;
use super::{alertmanager, chat, webhook};
use crate::alerts::clock;
use crate::alerts::settings::{ChannelKind, ChannelSettings};
use crate::outgoing;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How often a message is tried. With the pauses that is a minute; what is newer then is worth more.
const ATTEMPTS_MAX: u32 = 6;
/// The pause before the second attempt; it doubles.
const PAUSE_FIRST: Duration = Duration::from_secs(1);

/// What became of a channel's messages.
pub(super) struct Tally {
    kind: ChannelKind,
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    delivered: u64,
    failed: u64,
    last_error: Option<String>,
}

impl Tally {
    pub(super) fn new(kind: ChannelKind) -> Self {
        Self { kind, counts: Mutex::default() }
    }

    /// A message that came while too many waited.
    pub(super) fn dropped(&self) {
        self.failed("dropped", "too many messages wait already".to_owned());
    }

    pub(super) fn told(&self) -> AlertChannel {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        AlertChannel {
            channel: self.kind.as_str().to_owned(),
            delivered: counts.delivered,
            failed: counts.failed,
            last_error: counts.last_error.clone(),
        }
    }

    fn delivered(&self) {
        self.count("delivered");
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.delivered += 1;
        counts.last_error = None;
    }

    fn failed(&self, outcome: &'static str, why: String) {
        self.count(outcome);
        tracing::warn!(channel = self.kind.as_str(), outcome, "an alert was not delivered: {why}");
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.failed += 1;
        counts.last_error = Some(why);
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!(
            "taskward_alert_notifications_total", "channel" => self.kind.as_str(), "outcome" => outcome
        )
        .increment(1);
    }
}

/// Why an attempt failed.
struct Failure {
    why: String,
    /// Whether another attempt may do better.
    again: bool,
}

/// Delivers what comes, until nobody can send any more.
pub(super) async fn run(
    settings: ChannelSettings,
    mut inbox: mpsc::Receiver<Arc<Message>>,
    tally: Arc<Tally>,
) {
    while let Some(message) = inbox.recv().await {
        match deliver(&settings, &message).await {
            Ok(()) => tally.delivered(),
            Err(why) => tally.failed("failed", why),
        }
    }
}

async fn deliver(settings: &ChannelSettings, message: &Message) -> Result<(), String> {
    let (url, body) = request(settings, message)?;
    let client = outgoing::client(&url, TIMEOUT)?;
    let (mut pause, mut attempts) = (PAUSE_FIRST, 1);
    loop {
        let Err(failure) = send(&client, settings, message, url.clone(), body.clone()).await else {
            return Ok(());
        };
        if !failure.again || attempts >= ATTEMPTS_MAX {
            return Err(failure.why);
        }
        tokio::time::sleep(pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        pause *= 2;
        attempts += 1;
    }
}

/// Where and what. Errors do not say where: the URL is a secret.
fn request(settings: &ChannelSettings, message: &Message) -> Result<(Url, Vec<u8>), String> {
    let mut url =
        Url::parse(settings.url.expose_secret()).map_err(|_| "its URL cannot be used".to_owned())?;
    let body = match settings.kind {
        ChannelKind::Webhook => serde_json::to_vec(&webhook::body(message)),
        ChannelKind::Alertmanager => {
            let path = format!("{}/api/v2/alerts", url.path().trim_end_matches('/'));
            url.set_path(&path);
            serde_json::to_vec(&alertmanager::body(message))
        }
        kind => serde_json::to_vec(&chat::body(kind, message)),
    };
    Ok((url, body.map_err(|error| error.to_string())?))
}

async fn send(
    client: &Client,
    settings: &ChannelSettings,
    message: &Message,
    url: Url,
    body: Vec<u8>,
) -> Result<(), Failure> {
    let mut request = client.post(url).header(CONTENT_TYPE, "application/json");
    if let (ChannelKind::Webhook, Some(secret)) = (settings.kind, &settings.secret) {
        // The time is that of the attempt: receivers refuse old ones.
        let id = message.id.to_string();
        let Some(headers) = webhook::headers(secret, &id, clock::now(), &body) else {
            return Err(Failure { why: "its secret cannot be used".to_owned(), again: false });
        };
        for (name, value) in headers {
            request = request.header(name, value);
        }
    }
    let lost = |error| Failure { why: outgoing::without_url(error), again: true };
    let response = request.body(body).send().await.map_err(lost)?;
    let status = response.status();
    if !status.is_success() {
        return Err(Failure { why: format!("it answers {status}"), again: worth_another(status) });
    }
    let answer = response.bytes().await.map_err(lost)?;
    match chat::refusal(settings.kind, &answer) {
        Some(why) => Err(Failure { why, again: false }),
        None => Ok(()),
    }
}

fn worth_another(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status)
}
