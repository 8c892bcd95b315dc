//! Requests that wait until a task is finished.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use taskward_core::TaskId;
use tokio::sync::Notify;

type Watched = HashMap<TaskId, (Arc<Notify>, usize)>;

/// Who waits for which task. Clones share the list.
#[derive(Clone, Default)]
pub(crate) struct FinishedWatch(Arc<Mutex<Watched>>);

/// Interest in one task, from its creation on; given up when dropped.
pub(crate) struct Watch {
    all: FinishedWatch,
    id: TaskId,
    notify: Arc<Notify>,
    notified: std::pin::Pin<Box<tokio::sync::futures::OwnedNotified>>,
}

impl FinishedWatch {
    /// Registers interest in a task.
    pub(crate) fn watch(&self, id: TaskId) -> Watch {
        let mut watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = watched.entry(id).or_default();
        entry.1 += 1;
        let notify = Arc::clone(&entry.0);
        let mut notified = Box::pin(Arc::clone(&notify).notified_owned());
        notified.as_mut().enable();
        Watch { all: self.clone(), id, notify, notified }
    }

    /// Wakes everybody who waits for one of these tasks.
    pub(crate) fn announce(&self, ids: impl IntoIterator<Item = TaskId>) {
        let watched = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if watched.is_empty() {
            return;
        }
        for id in ids {
            if let Some((notify, _)) = watched.get(&id) {
                notify.notify_waiters();
            }
        }
    }
}

impl Watch {
    /// Returns when the task was announced since the watch began.
    pub(crate) async fn announced(mut self) {
        self.notified.as_mut().await;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let mut watched = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((notify, count)) = watched.get_mut(&self.id)
            && Arc::ptr_eq(notify, &self.notify)
        {
            *count -= 1;
            if *count == 0 {
                watched.remove(&self.id);
            }
        }
    }
}
