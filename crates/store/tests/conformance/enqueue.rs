//! Creating tasks.

use taskward_core::TaskState;
use taskward_store::Origin;

use super::Fixture;
use super::build::{enqueue, get, task};

pub(crate) async fn created_task_is_returned_as_stored(fixture: Fixture) {
    let store = fixture.store().await;
    let made = enqueue(&*store, task()).await;
    assert_eq!(made.origin, Origin::Created);
    assert_eq!(made.task.state, TaskState::Available);
    let read = get(&*store, made.task.id).await;
    assert_eq!(format!("{read:?}"), format!("{:?}", made.task));
}
