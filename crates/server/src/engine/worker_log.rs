//! Which workers asked for tasks lately; written to the store now and then, not with every claim.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskward_store::WorkerSeen;
use tokio::time::Instant;

/// Distinct workers remembered; a client that invents ids cannot fill the memory.
const WORKERS_MAX: usize = 10_000;
/// Workers that asked within this are counted as active.
const ACTIVE: Duration = Duration::from_secs(60);

struct Seen {
    queues: Vec<String>,
    at: Instant,
    /// It has asked since it was last written down.
    news: bool,
}

/// Workers seen within the last minute. Clones share the list.
#[derive(Clone, Default)]
pub struct WorkerLog(Arc<Mutex<HashMap<String, Seen>>>);

impl WorkerLog {
    /// Remembers that a worker asked for tasks of these queues.
    pub(crate) fn saw(&self, worker_id: &str, queues: &[String]) {
        let mut seen = self.seen();
        let room = seen.len() < WORKERS_MAX;
        match seen.get_mut(worker_id) {
            Some(entry) => {
                (entry.at, entry.news) = (Instant::now(), true);
                if entry.queues != queues {
                    entry.queues = queues.to_vec();
                }
            }
            None if room => {
                let entry = Seen { queues: queues.to_vec(), at: Instant::now(), news: true };
                seen.insert(worker_id.to_owned(), entry);
            }
            None => {}
        }
    }

    /// Takes what has not been written down yet, and forgets who is no longer active.
    pub(crate) fn take(&self, instance: &str) -> Vec<WorkerSeen> {
        let mut seen = self.seen();
        let news = seen.iter_mut().filter_map(|(worker_id, entry)| {
            std::mem::take(&mut entry.news).then(|| WorkerSeen {
                worker_id: worker_id.clone(),
                queues: entry.queues.clone(),
                instance: instance.to_owned(),
                ago: entry.at.elapsed(),
            })
        });
        let taken = news.collect();
        seen.retain(|_, entry| entry.at.elapsed() <= ACTIVE);
        taken
    }

    /// How many workers asked within the last minute: all of them, and by queue.
    pub(crate) fn active(&self) -> (usize, HashMap<String, usize>) {
        let seen = self.seen();
        let mut by_queue: HashMap<String, usize> = HashMap::new();
        let mut workers = 0;
        for entry in seen.values().filter(|entry| entry.at.elapsed() <= ACTIVE) {
            workers += 1;
            for queue in &entry.queues {
                *by_queue.entry(queue.clone()).or_default() += 1;
            }
        }
        (workers, by_queue)
    }

    fn seen(&self) -> MutexGuard<'_, HashMap<String, Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_is_written_down_once_and_active_for_a_minute() {
        let log = WorkerLog::default();
        log.saw("a", &["q".to_owned(), "r".to_owned()]);
        log.saw("b", &["q".to_owned()]);
        assert_eq!(log.take("here").len(), 2);
        assert!(log.take("here").is_empty());
        let (workers, by_queue) = log.active();
        assert_eq!((workers, by_queue["q"], by_queue["r"]), (2, 2, 1));
        tokio::time::advance(ACTIVE).await;
        log.saw("a", &["s".to_owned()]);
        let taken = log.take("here");
        assert_eq!((taken.len(), &taken[0].queues), (1, &vec!["s".to_owned()]));
        tokio::time::advance(Duration::from_millis(1)).await;
        let (workers, by_queue) = log.active();
        assert_eq!((workers, by_queue.get("q"), by_queue["s"]), (1, None, 1));
        log.take("here");
        assert_eq!(log.seen().len(), 1);
    }
}
