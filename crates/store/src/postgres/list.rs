//! Reads pages of tasks.

use std::time::Duration;

use taskward_core::{Task, TaskId, TaskState};
use uuid::Uuid;

use super::connection::{Pool, read};
use super::rows;
use crate::{PageRequest, StoreError, TaskFilter, TaskPage};

/// Rows of a table one page may look through. A filter that matches little gives short pages, quickly,
/// instead of one full page after a walk through the whole table.
const LOOKED_THROUGH_MAX: i64 = 20_000;

/// Reads a page. A page that is not full has a `next` all the same when there may be more behind it.
pub(super) async fn list(
    pool: &Pool,
    time_limit: Duration,
    filter: TaskFilter,
    page: PageRequest,
) -> Result<TaskPage, StoreError> {
    let before = page.before.map_or(Uuid::max(), |id| id.0);
    let state = filter.state.map(TaskState::as_str);
    let unfinished = filter.state.is_none_or(|state| !state.is_finished());
    let finished = filter.state.is_none_or(|state| state == TaskState::Completed);
    let failed = !unfinished && !finished;
    // One more than wanted, to know whether the page is the last.
    let limit = rows::limit(page.limit).saturating_add(1);
    let found = read(
        pool,
        time_limit,
        include_str!("list.sql"),
        &[
            &before,
            &limit,
            &LOOKED_THROUGH_MAX,
            &filter.queue,
            &state,
            &filter.kind,
            &filter.tag,
            &unfinished,
            &finished,
            &failed,
        ],
    )
    .await?;
    let mut tasks = Vec::with_capacity(found.len());
    let mut floor: Option<TaskId> = None;
    for row in &found {
        if row.try_get(32)? {
            floor = floor.max(Some(TaskId(row.try_get(0)?)));
        } else {
            tasks.push(rows::task(row)?);
        }
    }
    Ok(cut(tasks, floor, page.limit))
}

/// Merges the tables' tasks into a page. Below the highest floor something may be missing.
fn cut(mut tasks: Vec<Task>, floor: Option<TaskId>, limit: usize) -> TaskPage {
    tasks.sort_unstable_by_key(|task| std::cmp::Reverse(task.id));
    if let Some(floor) = floor {
        tasks.retain(|task| task.id >= floor);
    }
    let next = if tasks.len() > limit {
        tasks.truncate(limit);
        tasks.last().map(|task| task.id)
    } else {
        floor
    };
    TaskPage { tasks, next }
}
