//! Waiting on conditions, with deadlines.

use std::fmt::Display;
use std::future::Future;
use std::time::{Duration, Instant};

/// How often a condition is looked at.
const POLL: Duration = Duration::from_millis(10);

/// What `look` finds, once it finds something. Panics after `limit`.
pub(crate) async fn eventually<T>(
    what: impl Display,
    limit: Duration,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let give_up = Instant::now() + limit;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < give_up, "not within {limit:?}: {what}");
        tokio::time::sleep(POLL).await;
    }
}

/// The outcome of something that has to end within `limit`.
pub(crate) async fn within<T>(what: impl Display, limit: Duration, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(limit, future).await {
        Ok(value) => value,
        Err(_) => panic!("not within {limit:?}: {what}"),
    }
}
