//! What was done after the restored point, from the data that was there before.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use taskward_core::{Task, TaskId, TaskState, Timestamp};
use taskward_store::{PageRequest, Store, StoreError, StoreOptions, TaskFilter};

/// Tasks looked at together.
const PAGE: usize = 1_000;
/// Tasks that are named; more are only a longer list.
const NAMED_MAX: usize = 10_000;

/// A task that is unfinished again, although it was claimed or finished after the restored point.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Again {
    /// The task.
    pub id: TaskId,
    /// Its queue.
    pub queue: String,
    /// Its kind.
    pub kind: String,
    /// Where it stood in the data from before.
    pub state: TaskState,
    /// When it was finished there.
    pub finished_at: Option<Timestamp>,
}

/// What the comparison has found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) again: Vec<Again>,
    pub(super) lost: u64,
    pub(super) complete: bool,
}

/// Compares a restored database with the one from before. One that cannot be read, which may be why somebody restores,
/// leaves the comparison incomplete.
pub(super) async fn compare(restored: &str, before: &str, point_at: Timestamp) -> Compared {
    let mut compared = Compared::default();
    let done = async {
        let options = StoreOptions { pool_size: 2, ..StoreOptions::default() };
        let restored = taskward_store::open(restored, options.clone()).await?;
        let before = taskward_store::open(before, options).await?;
        let mut done = again(&*restored, &*before, &mut compared).await;
        if done.is_ok() {
            done = lost(&*restored, &*before, point_at, &mut compared).await;
        }
        restored.close().await;
        before.close().await;
        done
    };
    let done: Result<(), StoreError> = done.await;
    compared.complete = done.is_ok();
    compared
}

/// Unfinished tasks of the restored database that got further before.
async fn again(restored: &dyn Store, before: &dyn Store, compared: &mut Compared) -> Result<(), StoreError> {
    for state in TaskState::ALL.into_iter().filter(|state| !state.is_finished()) {
        let filter = TaskFilter { state: Some(state), ..TaskFilter::default() };
        let mut next = None;
        loop {
            let page = restored.list(filter.clone(), PageRequest { limit: PAGE, before: next }).await?;
            let leases: HashMap<TaskId, i64> = page.tasks.iter().map(|task| (task.id, task.lease)).collect();
            for task in before.get(leases.keys().copied().collect()).await?.into_iter().flatten() {
                let further = task.state.is_finished() || leases.get(&task.id) < Some(&task.lease);
                if further && compared.again.len() < NAMED_MAX {
                    compared.again.push(named(task));
                }
            }
            next = page.next;
            if next.is_none() {
                break;
            }
        }
    }
    compared.again.sort_unstable_by_key(|task| task.id);
    Ok(())
}

/// Tasks from before that are not in the restored database: the newest ones.
async fn lost(
    restored: &dyn Store,
    before: &dyn Store,
    point_at: Timestamp,
    compared: &mut Compared,
) -> Result<(), StoreError> {
    let mut next = None;
    loop {
        let page = before.list(TaskFilter::default(), PageRequest { limit: PAGE, before: next }).await?;
        let ids = page.tasks.iter().map(|task| task.id).collect();
        let found = restored.get(ids).await?;
        compared.lost += found.iter().filter(|task| task.is_none()).count() as u64;
        // A page without a task of the lost time is older than that.
        let is_older = page.tasks.iter().all(|task| task.created_at < point_at);
        next = page.next;
        if next.is_none() || (is_older && !page.tasks.is_empty()) {
            return Ok(());
        }
    }
}

fn named(task: Task) -> Again {
    let Task { id, queue, kind, state, finished_at, .. } = task;
    Again { id, queue, kind, state, finished_at }
}
