//! What the service and its database spend, read from outside: statements, log, memory.
//!
//! What cannot be read is absent, never 0.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use taskward_store::Store;
use tokio::task::JoinHandle;

use super::connection::{Connection, Target};
use super::measured::as_f64;

/// How often the memory of a process on this machine is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How often a service is asked for its memory.
const ASK: Duration = Duration::from_secs(1);

/// Reads what is spent.
pub(super) struct Meter {
    target: Arc<Target>,
    pid: Option<u32>,
    store: Option<Arc<dyn Store>>,
}

/// The meters as of one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    at: Instant,
    statements: Option<u64>,
    wal_bytes: Option<u64>,
    service_cpu: Option<Duration>,
    load_cpu: Option<Duration>,
}

/// What a scenario has spent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Spent {
    /// Statements that the service has sent to its database, for each task.
    pub statements_per_task: Option<f64>,
    /// Bytes of PostgreSQL's write-ahead log for each task, whoever wrote them.
    pub wal_bytes_per_task: Option<f64>,
    /// The most memory that the service's process held.
    pub rss_bytes_max: Option<u64>,
    /// How many processors the service's process kept busy, its database's own processes aside.
    pub service_cores: Option<f64>,
    /// How many processors the load kept busy: on the same machine, the service did not have these.
    pub load_cores: Option<f64>,
}

impl Meter {
    pub(super) fn new(target: &Arc<Target>, pid: Option<u32>, store: Option<Arc<dyn Store>>) -> Self {
        Self { target: Arc::clone(target), pid, store }
    }

    /// Reads the counters.
    pub(super) async fn read(&self) -> Reading {
        let metrics = metrics(&self.target).await.unwrap_or_default();
        let statements = value(&metrics, "taskward_store_statements_total").map(whole);
        let wal_bytes = match &self.store {
            Some(store) => store.wal_bytes().await.ok().flatten(),
            None => None,
        };
        Reading {
            at: Instant::now(),
            statements,
            wal_bytes,
            service_cpu: self.pid.and_then(cpu_of),
            load_cpu: cpu_of(std::process::id()),
        }
    }

    /// Whether there is a database to look at.
    pub(super) fn has_store(&self) -> bool {
        self.store.is_some()
    }

    /// What a commit survives in the service's database. SQLite's is not opened here, and always set the same.
    pub(super) async fn durability(&self, database: Option<&str>) -> Option<String> {
        match &self.store {
            Some(store) => store.durability().await.ok(),
            None if database == Some("sqlite") => Some(taskward_store::sqlite::DURABILITY.to_owned()),
            None => None,
        }
    }

    /// Forgets the database when it is not the service's: then the run's queue is not in it.
    pub(super) async fn keep_store_with(&mut self, queue: &str) -> bool {
        let Some(store) = &self.store else { return true };
        let found = store.queues().await.is_ok_and(|queues| queues.iter().any(|found| found.name == queue));
        if !found {
            self.store = None;
        }
        found
    }

    /// Watches the memory until it is told to stop.
    pub(super) fn watch_memory(&self) -> MemoryWatch {
        let (target, pid) = (Arc::clone(&self.target), self.pid);
        let (stop, mut stopped) = tokio::sync::oneshot::channel::<()>();
        let watching = tokio::spawn(async move {
            let mut most = None;
            loop {
                most = most.max(match pid {
                    Some(pid) => memory_of(pid),
                    None => memory_said(&target).await,
                });
                let pause = if pid.is_some() { LOOK } else { ASK };
                if tokio::time::timeout(pause, &mut stopped).await.is_ok() {
                    return most;
                }
            }
        });
        MemoryWatch { stop, watching }
    }
}

/// Watches the memory of the service's process.
pub(super) struct MemoryWatch {
    stop: tokio::sync::oneshot::Sender<()>,
    watching: JoinHandle<Option<u64>>,
}

impl MemoryWatch {
    /// The most there was, in bytes.
    pub(super) async fn most(self) -> Option<u64> {
        // It ends when either says so.
        let _ = self.stop.send(());
        self.watching.await.ok().flatten()
    }
}

/// What was spent between two readings, on that many tasks.
pub(super) fn spent(before: Reading, after: Reading, tasks: u64, rss_bytes_max: Option<u64>) -> Spent {
    let per_task = |before: Option<u64>, after: Option<u64>| match (before, after, tasks) {
        (Some(before), Some(after), 1..) => Some(as_f64(after.checked_sub(before)?) / as_f64(tasks)),
        _ => None,
    };
    let wall = after.at.duration_since(before.at).as_secs_f64();
    let cores = |before: Option<Duration>, after: Option<Duration>| {
        let busy = after?.checked_sub(before?)?;
        (wall > 0.0).then(|| busy.as_secs_f64() / wall)
    };
    Spent {
        statements_per_task: per_task(before.statements, after.statements),
        wal_bytes_per_task: per_task(before.wal_bytes, after.wal_bytes),
        rss_bytes_max,
        service_cores: cores(before.service_cpu, after.service_cpu),
        load_cores: cores(before.load_cpu, after.load_cpu),
    }
}

async fn metrics(target: &Arc<Target>) -> Option<String> {
    let path = target.path("/metrics").ok()?;
    let answer = Connection::open(target).await.ok()?.get(&path).await.ok()?;
    answer.status.is_success().then(|| String::from_utf8_lossy(&answer.body).into_owned())
}

async fn memory_said(target: &Arc<Target>) -> Option<u64> {
    value(&metrics(target).await?, "process_resident_memory_bytes").map(whole)
}

/// The memory of a process on this machine.
fn memory_of(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// How long a process on this machine has kept processors busy.
fn cpu_of(pid: u32) -> Option<Duration> {
    /// Linux counts in hundredths of a second here, whatever its own clock does.
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name of the program comes before, in parentheses, and may hold anything.
    let (_, numbers) = stat.rsplit_once(')')?;
    let mut numbers = numbers.split_whitespace().skip(11).map_while(|number| number.parse::<u64>().ok());
    let ticks = numbers.next()? + numbers.next()?;
    Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
}

/// A metric without labels in Prometheus text, or the sum of it over its labels.
fn value(metrics: &str, name: &str) -> Option<f64> {
    let samples = metrics.lines().filter_map(|line| {
        let rest = line.strip_prefix(name)?;
        rest.starts_with([' ', '{']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok()).flatten()
    });
    samples.fold(None, |sum, sample| Some(sum.unwrap_or(0.0) + sample))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counters and sizes are not negative, and a float saturates when it is cast"
)]
fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_found_by_its_whole_name() {
        let text = "# HELP a_total x\na_total 3\na_total_more 9\nb{verb=\"x y\"} 2\nb{verb=\"z\"} 5\n";
        assert_eq!((value(text, "a_total"), value(text, "b")), (Some(3.0), Some(7.0)));
        assert_eq!(value(text, "a"), None);
    }

    #[test]
    fn what_was_not_read_is_absent() {
        let at = Instant::now();
        let known = Reading {
            at,
            statements: Some(10),
            wal_bytes: None,
            service_cpu: None,
            load_cpu: Some(Duration::ZERO),
        };
        let later = Reading {
            at: at + Duration::from_secs(4),
            statements: Some(30),
            wal_bytes: Some(7),
            load_cpu: Some(Duration::from_secs(3)),
            ..known
        };
        let spent_on = |tasks| spent(known, later, tasks, None);
        assert_eq!(spent_on(40).statements_per_task, Some(0.5));
        assert_eq!((spent_on(40).wal_bytes_per_task, spent_on(0).statements_per_task), (None, None));
        assert_eq!((spent_on(40).load_cores, spent_on(40).service_cores), (Some(0.75), None));
        let restarted = spent(Reading { at, ..later }, Reading { at: later.at, ..known }, 40, None);
        assert_eq!(restarted.statements_per_task, None, "a counter that went back counts from a new start");
    }

    #[test]
    fn this_process_has_memory_and_works() {
        assert!(cpu_of(std::process::id()).is_some_and(|busy| busy < Duration::from_secs(600)));
        assert!(memory_of(std::process::id()).is_some_and(|bytes| bytes > 1024 * 1024));
        assert_eq!(memory_of(u32::MAX), None);
    }
}
