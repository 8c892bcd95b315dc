//! The process groups of running tasks: whatever ends a task ends its whole group.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The groups that live. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Groups {
    live: Arc<Mutex<HashSet<i32>>>,
}

/// One group; killed when this is dropped before the task has ended by itself.
#[derive(Debug)]
pub(super) struct Group {
    id: Pid,
    groups: Groups,
    ended: bool,
}

impl Groups {
    /// The group that a process just started leads.
    pub(super) fn add(&self, leader: u32) -> Option<Group> {
        let id = Pid::from_raw(i32::try_from(leader).ok()?)?;
        self.live().insert(id.as_raw_nonzero().get());
        Some(Group { id, groups: self.clone(), ended: false })
    }

    /// Kills all of them: the program is about to end.
    pub(super) fn kill_all(&self) {
        for id in self.live().iter().filter_map(|id| Pid::from_raw(*id)) {
            kill(id, Signal::KILL);
        }
    }

    fn live(&self) -> MutexGuard<'_, HashSet<i32>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Group {
    /// Asks every process of the group to end.
    pub(super) fn terminate(&self) {
        kill(self.id, Signal::TERM);
    }

    /// Ends every process of the group.
    pub(super) fn kill(&self) {
        kill(self.id, Signal::KILL);
    }

    /// The task has ended by itself. What it left running in the background is its own business.
    pub(super) fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if !self.ended {
            self.kill();
        }
        self.groups.live().remove(&self.id.as_raw_nonzero().get());
    }
}

/// A group that is gone already is what was wanted.
fn kill(group: Pid, signal: Signal) {
    let _ = kill_process_group(group, signal);
}
