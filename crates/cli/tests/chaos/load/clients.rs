//! Calls that outlast outages.

use std::time::{Duration, Instant};

use taskward_client::{Client, ClientError, ProblemCode};

use super::Ledger;

/// How long an outage may last. It is a failure of the test, not part of it.
const PATIENCE: Duration = Duration::from_secs(60);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// The instances somebody knows, and the one they talk to.
#[derive(Clone)]
pub(crate) struct Clients {
    all: Vec<Client>,
    current: usize,
}

impl Clients {
    /// Talks to the first one as long as that works.
    pub(crate) fn new(all: Vec<Client>) -> Self {
        Self { all, current: 0 }
    }

    pub(crate) fn current(&self) -> &Client {
        &self.all[self.current]
    }

    /// The next instance, after this one failed.
    pub(crate) fn next(&mut self) {
        self.current = (self.current + 1) % self.all.len();
    }

    /// Repeats a call, at the next instance, until it has a definite answer.
    pub(crate) async fn insist<T>(
        &mut self,
        ledger: &Ledger,
        mut call: impl AsyncFnMut(&Client) -> Result<T, ClientError>,
    ) -> Result<T, ClientError> {
        let give_up = Instant::now() + PATIENCE;
        loop {
            let error = match call(self.current()).await {
                Err(error) if error.is_transient() => error,
                definite => return definite,
            };
            ledger.outage(&error);
            assert!(Instant::now() < give_up, "an outage of {PATIENCE:?}: {error:?}");
            self.next();
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether the service said that the lease is somebody else's.
pub(crate) fn is_lease_lost(error: &ClientError) -> bool {
    error.code() == Some(ProblemCode::LeaseLost)
}
