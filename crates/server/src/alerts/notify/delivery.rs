//! Getting messages to a channel: one after the other, each tried a few times, and its fate counted.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taskward_api::AlertChannel;
use tokio::sync::mpsc;

use super::email::Mail;
use super::message::Message;
use super::outbox::Outbox;
use super::post::Post;
use crate::alerts::settings::{ChannelKind, ChannelSettings};

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
pub(super) struct Failure {
    pub(super) why: String,
    /// Whether another attempt may do better.
    pub(super) again: bool,
}

/// A message in a channel's words, which can be sent any number of times.
enum Prepared {
    Post(Post),
    Mail(Box<Mail>),
}

/// Delivers what comes, until nobody can send any more. What did not arrive is news again.
pub(super) async fn run(
    settings: ChannelSettings,
    mut inbox: mpsc::Receiver<Arc<Message>>,
    outbox: Arc<Mutex<Outbox>>,
    tally: Arc<Tally>,
) {
    while let Some(message) = inbox.recv().await {
        match deliver(&settings, &message).await {
            Ok(()) => tally.delivered(),
            Err(why) => {
                tally.failed("failed", why);
                let mut outbox = outbox.lock().unwrap_or_else(PoisonError::into_inner);
                outbox.lost(&message.firing, &message.resolved);
            }
        }
    }
}

async fn deliver(settings: &ChannelSettings, message: &Message) -> Result<(), String> {
    let prepared = Prepared::new(settings, message)?;
    let (mut pause, mut attempts) = (PAUSE_FIRST, 1);
    loop {
        let Err(failure) = prepared.send().await else { return Ok(()) };
        if !failure.again || attempts >= ATTEMPTS_MAX {
            return Err(failure.why);
        }
        tokio::time::sleep(pause.mul_f64(0.8 + 0.4 * fastrand::f64())).await;
        pause *= 2;
        attempts += 1;
    }
}

impl Prepared {
    fn new(settings: &ChannelSettings, message: &Message) -> Result<Self, String> {
        match settings {
            ChannelSettings::Http(settings) => Post::new(settings, message).map(Self::Post),
            ChannelSettings::Email(settings) => Mail::new(settings, message).map(Box::new).map(Self::Mail),
        }
    }

    async fn send(&self) -> Result<(), Failure> {
        match self {
            Self::Post(post) => post.send().await,
            Self::Mail(mail) => mail.send().await,
        }
    }
}
