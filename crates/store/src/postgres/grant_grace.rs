//! Giving workers time after an outage.

use std::time::Duration;

use super::connection::{Params, Pool, execute, retried};
use super::rows;
use crate::StoreError;

/// Moves every end that would come before `grace` has passed. Several instances do so after the same outage, which
/// is as good as once.
pub(super) async fn grant_grace(pool: &Pool, grace: Duration) -> Result<u64, StoreError> {
    let params: Params<'_> = &[&rows::micros(grace)];
    retried(|| execute(pool, include_str!("grant_grace.sql"), params)).await
}
