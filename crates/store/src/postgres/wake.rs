//! Instances wake each other through `NOTIFY`, which carries nothing: whoever is woken looks for itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

use super::connection::{self, Pool, Target};
use crate::StoreError;

const CHANNEL: &str = "taskward_wake";

/// Waits between attempts to connect, the first and the longest.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(10));

/// The listening connection, opened by the first who wants to be woken.
pub(super) struct Wake {
    shared: Arc<Shared>,
    listener: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// Holds one wake-up for the next who waits.
    woken: Notify,
    /// The listening connection, which also sends: PostgreSQL names the sender of a notification, and that
    /// is how our own are told from others'.
    client: Mutex<Option<Arc<Client>>>,
}

impl Wake {
    pub(super) fn new() -> Self {
        Self { shared: Arc::default(), listener: Mutex::new(None) }
    }

    /// Waits until another instance has sent a wake-up, or may have while we were not connected.
    pub(super) async fn woken(&self, target: &Target) {
        {
            let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
            if listener.is_none() {
                *listener = Some(tokio::spawn(listen(Arc::clone(&self.shared), target.clone())));
            }
        }
        self.shared.woken.notified().await;
    }

    /// Sends a wake-up: by the listening connection, or by any other while nobody here listens.
    pub(super) async fn send(&self, pool: &Pool) -> Result<(), StoreError> {
        let client = self.shared.client.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let sql = format!("NOTIFY {CHANNEL}");
        connection::count(1);
        match client {
            Some(client) => client.batch_execute(&sql).await?,
            None => connection::take(pool).await?.batch_execute(&sql).await?,
        }
        Ok(())
    }

    /// Closes the listening connection.
    pub(super) fn close(&self) {
        if let Some(listener) = self.listener.lock().unwrap_or_else(PoisonError::into_inner).take() {
            listener.abort();
        }
        self.shared.set(None);
    }
}

impl Drop for Wake {
    fn drop(&mut self) {
        self.close();
    }
}

impl Shared {
    fn set(&self, client: Option<Arc<Client>>) {
        *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
    }
}

/// Listens for ever. Attempts to connect back off, with jitter: after an outage of the database not every
/// instance should come at the same moment.
async fn listen(shared: Arc<Shared>, target: Target) {
    let mut wait = BACKOFF.0;
    loop {
        match connected(&shared, &target).await {
            Ok(()) => wait = BACKOFF.0,
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "cannot listen for wake-ups");
            }
        }
        shared.set(None);
        tokio::time::sleep(wait.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
        wait = (wait * 2).min(BACKOFF.1);
    }
}

/// Connects and listens until the connection ends.
async fn connected(shared: &Shared, target: &Target) -> Result<(), StoreError> {
    let (notified, mut notifications) = mpsc::unbounded_channel();
    let client = target.connect_and(move |message| {
        if let AsyncMessage::Notification(notification) = message {
            let _ = notified.send(notification.process_id());
        }
    });
    let client = Arc::new(client.await?);
    let mine: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await?.try_get(0)?;
    client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    shared.set(Some(client));
    // Whatever was sent while nobody listened.
    shared.woken.notify_one();
    while let Some(sender) = notifications.recv().await {
        if sender != mine {
            shared.woken.notify_one();
        }
    }
    Ok(())
}
