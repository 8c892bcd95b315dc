//! A message as one HTTP request.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};

use super::delivery::Failure;
use super::message::Message;
use super::{alertmanager, chat, webhook};
use crate::alerts::clock;
use crate::alerts::settings::{ChannelKind, HttpSettings};
use crate::outgoing;

/// How long one attempt may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A message, and where it goes.
pub(super) struct Post {
    client: Client,
    kind: ChannelKind,
    url: Url,
    body: Vec<u8>,
    /// The same for every attempt.
    id: String,
    secret: Option<SecretString>,
}

impl Post {
    /// Where and what. Errors do not say where: the URL is a secret.
    pub(super) fn new(settings: &HttpSettings, message: &Message) -> Result<Self, String> {
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
        Ok(Self {
            client: outgoing::client(&url, TIMEOUT)?,
            kind: settings.kind,
            url,
            body: body.map_err(|error| error.to_string())?,
            id: message.id.to_string(),
            secret: settings.secret.clone().filter(|_| settings.kind == ChannelKind::Webhook),
        })
    }

    pub(super) async fn send(&self) -> Result<(), Failure> {
        let mut request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        if let Some(secret) = &self.secret {
            // The time is that of the attempt: receivers refuse old ones.
            let Some(headers) = webhook::headers(secret, &self.id, clock::now(), &self.body) else {
                return Err(Failure { why: "its secret cannot be used".to_owned(), again: false });
            };
            for (name, value) in headers {
                request = request.header(name, value);
            }
        }
        let lost = |error| Failure { why: outgoing::without_url(error), again: true };
        let response = request.body(self.body.clone()).send().await.map_err(lost)?;
        let status = response.status();
        if !status.is_success() {
            return Err(Failure { why: format!("it answers {status}"), again: worth_another(status) });
        }
        let answer = response.bytes().await.map_err(lost)?;
        match chat::refusal(self.kind, &answer) {
            Some(why) => Err(Failure { why, again: false }),
            None => Ok(()),
        }
    }
}

fn worth_another(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS].contains(&status)
}
