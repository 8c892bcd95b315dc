//! Telling people and other programs: what to tell ([`outbox`]), in whose words ([`message`]), and getting it
//! there ([`delivery`]).

mod alertmanager;
mod chat;
mod delivery;
mod email;
mod message;
mod outbox;
mod post;
mod webhook;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use taskward_api::{Alert, AlertChannel};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use uuid::Uuid;

use self::delivery::Tally;
use self::message::Message;
use self::outbox::{Outbox, Pace};
use super::clock;
use super::settings::{AlertSettings, ChannelKind, ChannelSettings};

/// Messages that may wait for a channel; with more it does not work anyway.
const WAITING_MAX: usize = 16;
/// Alertmanager forgets an alert that nobody repeats, and groups and delays by itself.
const ALERTMANAGER: Pace = Pace { group_wait: Duration::ZERO, repeat_every: Duration::from_secs(60) };

/// Everybody who is told.
pub(super) struct Outlets {
    all: Vec<Outlet>,
    /// What the message says about its sender.
    env: String,
    instance: String,
}

/// Somebody who is told.
struct Outlet {
    settings: ChannelSettings,
    outbox: Arc<Mutex<Outbox>>,
    sender: mpsc::Sender<Arc<Message>>,
    /// Taken when the channel is started.
    inbox: Mutex<Option<mpsc::Receiver<Arc<Message>>>>,
    tally: Arc<Tally>,
}

impl Outlets {
    pub(super) fn new(settings: &AlertSettings) -> Self {
        let all = settings.channels.iter().map(|channel| Outlet::new(channel, settings)).collect();
        Self { all, env: settings.env.clone(), instance: settings.instance.clone() }
    }

    /// Starts the deliveries.
    pub(super) fn start(&self, loops: &mut JoinSet<()>) {
        for outlet in &self.all {
            let inbox = outlet.inbox.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(inbox) = inbox {
                let (outbox, tally) = (Arc::clone(&outlet.outbox), Arc::clone(&outlet.tally));
                loops.spawn(delivery::run(outlet.settings.clone(), inbox, outbox, tally));
            }
        }
    }

    /// Tells everybody what they have not been told of these alerts, which are all that fire and may be told; and
    /// says when there will be something to tell though nothing changes.
    pub(super) fn tell(&self, firing: &[Alert], now: Duration) -> Option<Duration> {
        self.all.iter().filter_map(|outlet| self.tell_one(outlet, firing, now)).min()
    }

    fn tell_one(&self, outlet: &Outlet, firing: &[Alert], now: Duration) -> Option<Duration> {
        let mut outbox = outlet.outbox.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(news) = outbox.take(firing, now) {
            let message = Message {
                id: Uuid::now_v7(),
                at: clock::now(),
                env: self.env.clone(),
                instance: self.instance.clone(),
                firing: news.firing,
                resolved: news.resolved,
            };
            let message = Arc::new(message);
            if outlet.sender.try_send(Arc::clone(&message)).is_err() {
                outlet.tally.dropped();
                outbox.lost(&message.firing, &message.resolved);
            }
        }
        outbox.due()
    }

    /// How each of them does.
    pub(super) fn list(&self) -> Vec<AlertChannel> {
        self.all.iter().map(|outlet| outlet.tally.told()).collect()
    }
}

impl Outlet {
    fn new(channel: &ChannelSettings, settings: &AlertSettings) -> Self {
        let pace = match channel.kind() {
            ChannelKind::Alertmanager => ALERTMANAGER,
            _ => Pace { group_wait: settings.group_wait, repeat_every: settings.repeat_every },
        };
        let (sender, inbox) = mpsc::channel(WAITING_MAX);
        Self {
            settings: channel.clone(),
            outbox: Arc::new(Mutex::new(Outbox::new(pace))),
            sender,
            inbox: Mutex::new(Some(inbox)),
            tally: Arc::new(Tally::new(channel.kind())),
        }
    }
}
