//! Which workers asked for tasks lately; written to the store now and then, not with every claim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use taskward_store::WorkerSeen;
use tokio::time::Instant;

/// Distinct workers remembered between two writes; a client that invents ids cannot fill the memory.
const WORKERS_MAX: usize = 10_000;

type Seen = HashMap<String, (Vec<String>, Instant)>;

/// Workers seen since they were last written down. Clones share the list.
#[derive(Clone, Default)]
pub struct WorkerLog(Arc<Mutex<Seen>>);

impl WorkerLog {
    /// Remembers that a worker asked for tasks of these queues.
    pub(crate) fn saw(&self, worker_id: &str, queues: &[String]) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = seen.len() < WORKERS_MAX;
        match seen.get_mut(worker_id) {
            Some(entry) if entry.0 == queues => entry.1 = Instant::now(),
            Some(entry) => *entry = (queues.to_vec(), Instant::now()),
            None if room => {
                seen.insert(worker_id.to_owned(), (queues.to_vec(), Instant::now()));
            }
            None => {}
        }
    }

    /// Takes what has not been written down yet.
    pub(crate) fn take(&self, instance: &str) -> Vec<WorkerSeen> {
        let seen = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        seen.into_iter()
            .map(|(worker_id, (queues, at))| WorkerSeen {
                worker_id,
                queues,
                instance: instance.to_owned(),
                ago: at.elapsed(),
            })
            .collect()
    }
}
