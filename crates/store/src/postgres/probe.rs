//! Whether the server is there and takes writes: asked on a connection of its own.

use tokio::sync::Mutex;
use tokio_postgres::{Client, SimpleQueryMessage};

use super::connection::Target;
use crate::StoreError;

/// Keeps the connection between two questions.
#[derive(Default)]
pub(super) struct Probe(Mutex<Option<Client>>);

impl Probe {
    /// Asks. A server that takes no writes any more has been demoted, or failed over from: the one that does is looked
    /// for, and every connection to the old one is cut.
    pub(super) async fn ask(&self, target: &Target) -> Result<(), StoreError> {
        let mut kept = self.0.lock().await;
        // Whoever gives up in the middle of this leaves none behind.
        let mut demoted = false;
        if let Some(client) = kept.take() {
            match takes_writes(&client).await {
                Ok(true) => {
                    *kept = Some(client);
                    return Ok(());
                }
                Ok(false) => demoted = true,
                Err(_) => {}
            }
        }
        let client = target.connect_anyhow().await?;
        if !takes_writes(&client).await? {
            *kept = Some(client);
            return Err(StoreError::ReadOnly(
                "the server is a standby, or its transactions are read-only".into(),
            ));
        }
        if demoted {
            tracing::warn!(
                "the database takes no writes where it did; another server does, and is used from now on"
            );
            target.gate.cut();
        }
        *kept = Some(client);
        Ok(())
    }

    /// Ends the connection.
    pub(super) async fn close(&self) {
        self.0.lock().await.take();
    }
}

async fn takes_writes(client: &Client) -> Result<bool, StoreError> {
    let answer = client.simple_query("SHOW transaction_read_only").await?;
    Ok(answer
        .iter()
        .any(|message| matches!(message, SimpleQueryMessage::Row(row) if row.get(0) == Some("off"))))
}
