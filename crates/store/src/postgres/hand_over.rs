//! Creates tasks and serves those who wait for them, in one transaction.

use taskward_core::NewTask;
use tokio::try_join;

use super::claim::Group;
use super::connection::{Pool, count, prepared};
use super::enqueue;
use super::floors::Floors;
use super::shapes::{Columns, SQL_WITHOUT_KEYS, inserted};
use crate::{ClaimDemand, EnqueueMode, HandedOver, StoreError, StoreOptions};

/// Inserts and claims in one transaction, which is one round trip: everything is sent at once, and the
/// claim sees what the insert before it made. Demands other than the first one's kind are left alone, and
/// so are all of them when a task has a key, since its insert may take several rounds.
pub(super) async fn enqueue_and_claim(
    pool: &Pool,
    floors: &Floors,
    options: &StoreOptions,
    tasks: Vec<NewTask>,
    demands: Vec<ClaimDemand>,
) -> Result<HandedOver, StoreError> {
    let same = demands.iter().take_while(|demand| demand.wants_the_same(&demands[0]) && demand.max > 0);
    let same: Vec<&ClaimDemand> = same.collect();
    if same.is_empty() || tasks.is_empty() || enqueue::any_keyed(&tasks) {
        let enqueued = enqueue::enqueue(pool, options, tasks, EnqueueMode::Each).await?;
        return Ok(HandedOver { enqueued, claimed: demands.iter().map(|_| Vec::new()).collect() });
    }
    let group = Group::of(same, floors);
    let columns = Columns::of(tasks.iter());
    let (connection, [insert, claim]) = prepared(pool, [&SQL_WITHOUT_KEYS, group.sql()]).await?;
    let (insert_params, claim_params) = (columns.params(), group.params());
    count(4);
    // Sent in this order by the first poll of each. The first failure aborts the transaction, and then COMMIT
    // rolls it back.
    let ((), new, found, ()) = try_join!(
        biased;
        connection.batch_execute("BEGIN"),
        connection.query(&insert, &insert_params),
        connection.query(&claim, &claim_params),
        connection.batch_execute("COMMIT"),
    )?;
    let mut claimed = group.share(&found)?;
    claimed.resize_with(demands.len(), Vec::new);
    Ok(HandedOver { enqueued: enqueue::all_created(tasks, inserted(&new)?), claimed })
}
