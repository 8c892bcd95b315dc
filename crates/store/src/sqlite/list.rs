//! Pages of tasks, newest first.

use rusqlite::{Connection, OptionalExtension as _};
use taskward_core::TaskId;

use super::values::limit;
use super::{get, rows};
use crate::{PageRequest, StoreError, TaskFilter, TaskPage};

/// Rows of each table that one page may look at. A filter that matches little ends the page early, and the
/// next one goes on from there: a listing never becomes a scan of everything.
const ROWS_LOOKED_AT: usize = 20_000;

/// Matches in one table, newest first, and how far down it was looked at.
struct Found {
    ids: Vec<TaskId>,
    /// The last id looked at, when the bound was reached; older rows are unknown.
    floor: Option<TaskId>,
}

/// Reads a page, on one snapshot, so that a task that moves between the tables is seen once.
pub(super) fn list(
    connection: &Connection,
    filter: &TaskFilter,
    page: PageRequest,
) -> Result<TaskPage, StoreError> {
    let unfinished = filter.state.is_none_or(|state| !state.is_finished());
    let finished = filter.state.is_none_or(|state| state.is_finished());
    // Nearly all finished tasks are completed ones; there is an index without them.
    let failed = finished && filter.state.is_some_and(|state| state != taskward_core::TaskState::Completed);
    let mut found = Vec::new();
    if unfinished {
        found.push(find(connection, LIST_TASKS, filter, page)?);
    }
    if finished {
        found.push(find(connection, if failed { LIST_FAILED } else { LIST_HISTORY }, filter, page)?);
    }
    let (ids, next) = merge(found, page.limit);
    let tasks = get::get(connection, &ids)?.into_iter().flatten().collect();
    Ok(TaskPage { tasks, next })
}

/// The statement that finds matches, and the one that finds how far it looked.
type Statements = (&'static str, &'static str);

const LIST_TASKS: Statements = (include_str!("list_tasks.sql"), FLOOR_TASKS);
const LIST_HISTORY: Statements = (include_str!("list_history.sql"), FLOOR_HISTORY);
const LIST_FAILED: Statements = (include_str!("list_failed.sql"), FLOOR_FAILED);

const FLOOR_TASKS: &str = "SELECT id FROM tasks WHERE id < ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2 - 1";
const FLOOR_HISTORY: &str = "SELECT id FROM history WHERE id < ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2 - 1";
const FLOOR_FAILED: &str = "SELECT id FROM history INDEXED BY history_failed
    WHERE state <> 'completed' AND id < ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2 - 1";

fn find(
    connection: &Connection,
    (matches, floor): Statements,
    filter: &TaskFilter,
    page: PageRequest,
) -> Result<Found, StoreError> {
    let before = page.before.unwrap_or(TaskId(uuid::Uuid::max()));
    let looked_at = limit(ROWS_LOOKED_AT);
    // One more than the page holds tells whether there is another page.
    let ids = connection
        .prepare_cached(matches)?
        .query_map(
            (
                before.0.as_bytes(),
                looked_at,
                filter.queue.as_deref(),
                filter.kind.as_deref(),
                filter.state.map(|state| state.as_str()),
                filter.tag.as_deref(),
                limit(page.limit.saturating_add(1)),
            ),
            |row| rows::id(row, 0),
        )?
        .collect::<Result<Vec<_>, _>>()?;
    if ids.len() > page.limit {
        return Ok(Found { ids, floor: None });
    }
    let floor = connection
        .prepare_cached(floor)?
        .query_row((before.0.as_bytes(), looked_at), |row| rows::id(row, 0))
        .optional()?;
    Ok(Found { ids, floor })
}

/// The newest matches of all tables that are certain: not older than what any of them looked at.
fn merge(found: Vec<Found>, limit: usize) -> (Vec<TaskId>, Option<TaskId>) {
    let floor = found.iter().filter_map(|found| found.floor).max();
    let mut ids: Vec<TaskId> = found.into_iter().flat_map(|found| found.ids).collect();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    ids.retain(|id| floor.is_none_or(|floor| *id >= floor));
    if ids.len() > limit {
        ids.truncate(limit);
        let last = ids.last().copied();
        return (ids, last);
    }
    (ids, floor)
}
