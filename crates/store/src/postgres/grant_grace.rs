//! Giving workers time after an outage.

use std::time::Duration;

use super::connection::{Params, Pool, execute, retried};
use super::rows;
use crate::StoreError;

/// Moves every end that would come before `grace` has passed. Several instances do so after the same outage, which
/// is as good as once.
///
/// A network that swallowed what was sent leaves sessions behind at the server that have rows locked, and wait for a
/// client that has given up. They are ended first: this, and whatever comes after it, would wait for them.
pub(super) async fn grant_grace(pool: &Pool, grace: Duration) -> Result<u64, StoreError> {
    let params: Params<'_> = &[&rows::micros(grace)];
    retried(|| async {
        execute(pool, include_str!("end_left_behind.sql"), &[]).await?;
        execute(pool, include_str!("grant_grace.sql"), params).await
    })
    .await
}
