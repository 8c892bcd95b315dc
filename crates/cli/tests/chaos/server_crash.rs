//! `kill -9` of the server, twenty times, with load running.

use std::collections::HashSet;
use std::rc::Rc;
use std::time::{Duration, Instant};

use taskward_client::{Client, CreateTask, TaskState};
use tokio::task::{JoinSet, LocalSet};
use tokio_util::sync::CancellationToken;

use crate::load::audit::{list, result_of};
use crate::load::enqueue::{Enqueuer, chaos_task};
use crate::load::{Audit, Clients, Ledger, Manners, Worker};
use crate::support::{BenchLoad, Database, Service, seed};

const KILLS: usize = 20;
/// The shortest there is: a restart is then long enough for leases to end.
const LEASE: Duration = Duration::from_secs(1);
const WORKERS: usize = 8;
/// The last leases end, retries come due, and the machine may be slow.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// Acknowledged completions that are looked up after each kill, the newest.
const LOOKED_UP: usize = 20;
/// Unfinished tasks of the queues that nobody works on.
const WAITING: usize = 7;
/// With fewer, there was no load to speak of.
const LOAD_MIN: usize = 200;
/// Longer than a run of `taskward bench` takes, shorter than the time between many kills.
const BENCH_PATIENCE: Duration = Duration::from_millis(2500);
/// Of runs, most of which were cut off or found no service.
const BENCH_RUNS_MIN: usize = 4;

#[tokio::test]
async fn server_crash_sqlite() {
    LocalSet::new().run_until(server_crash(Database::sqlite(), Beside::Nothing)).await;
}

#[tokio::test]
async fn server_crash_postgres() {
    LocalSet::new().run_until(server_crash(Database::postgres(), Beside::Nothing)).await;
}

#[tokio::test]
async fn server_crash_sqlite_at_full_speed() {
    LocalSet::new().run_until(server_crash(Database::sqlite(), Beside::Bench)).await;
}

#[tokio::test]
async fn server_crash_postgres_at_full_speed() {
    LocalSet::new().run_until(server_crash(Database::postgres(), Beside::Bench)).await;
}

/// What else the service has to do.
#[derive(Debug, PartialEq, Eq)]
enum Beside {
    Nothing,
    /// As many tasks as it can take: commits are then as large as they get when the kill comes.
    Bench,
}

async fn server_crash(database: Database, beside: Beside) {
    let title = format!("server_crash_{}, beside it {beside:?}", database.name());
    let mut rng = seed(&title);
    // Every answer to a claim that dies with the server looks like a lost worker. That is right for one
    // crash; a server that crashes twenty times in twenty seconds must not make its tasks `dead`.
    let mut service = Service::new(&database).with("TASKWARD__TASKS__CRASHES_MAX", "1000");
    service.start_ready().await;
    leave_waiting(&service.client()).await;

    let ledger = Rc::new(Ledger::default());
    let (enough, done) = (CancellationToken::new(), CancellationToken::new());
    let mut enqueuers = start_enqueuers(&service, &ledger, &enough, &mut rng);
    let mut workers = start_workers(&service, &ledger, &done, &mut rng);
    let bench = (beside == Beside::Bench).then(|| BenchLoad::start(&service, BENCH_PATIENCE));

    let began = Instant::now();
    for kill in 1..=KILLS {
        run_and_kill(&mut service, &ledger, kill, &mut rng).await;
    }
    service.ready().await;
    let killed_for = began.elapsed();
    if let Some(bench) = bench {
        let runs = bench.stop().await;
        eprintln!("{title}: {runs:?}");
        assert!(runs.agreed + runs.interrupted >= BENCH_RUNS_MIN, "{runs:?}: that was no load");
        assert!(runs.completed > 0, "{runs:?}: nothing was worked off");
    }
    enough.cancel();
    joined(&mut enqueuers).await;
    let client = service.client();
    Audit::drained(&client, &queues(), DRAIN_LIMIT).await;
    eprintln!("{title}: {KILLS} kills in {killed_for:.1?}, drained after {:.1?}", began.elapsed());
    done.cancel();
    joined(&mut workers).await;

    let audit = Audit::of(&client, &ledger, &queues()).await;
    audit.assert_clean(&format!("{title}: {KILLS} kills"));
    assert!(audit.created >= LOAD_MIN, "only {} tasks: that was no load", audit.created);
    check_waiting(&client).await;
    service.check_database().await;
    service.stop().await;
}

/// Lets the service run for a moment, or not even start, and kills it.
async fn run_and_kill(service: &mut Service, ledger: &Ledger, kill: usize, rng: &mut fastrand::Rng) {
    // Every fifth kill comes during the start, which brings the schema up to date and rescues.
    if kill.is_multiple_of(5) {
        tokio::time::sleep(Duration::from_millis(rng.u64(0..150))).await;
    } else {
        service.ready().await;
        still_completed(&service.client(), ledger).await;
        tokio::time::sleep(Duration::from_millis(rng.u64(50..800))).await;
    }
    service.kill9().await;
    service.start();
}

/// Completions that were acknowledged before the kill are still there.
async fn still_completed(client: &Client, ledger: &Ledger) {
    let newest: Vec<_> = ledger.facts().completed.iter().rev().take(LOOKED_UP).copied().collect();
    for id in newest {
        let task = client.task(id).await.expect("a task whose completion was acknowledged");
        let acknowledged = ledger.facts().completions[&id].clone();
        if task.state != TaskState::Completed || result_of(&task) != acknowledged.result {
            ledger.violation(format!("after a kill, {acknowledged:?} became {task:?}"));
        }
    }
}

fn queues() -> Vec<String> {
    ["first", "second", "third"].map(str::to_owned).to_vec()
}

fn start_enqueuers(
    service: &Service,
    ledger: &Rc<Ledger>,
    stop: &CancellationToken,
    rng: &mut fastrand::Rng,
) -> JoinSet<()> {
    let mut enqueuers = JoinSet::new();
    for (name, batch, pause_ms) in [
        ("single-a", 1, 20..80),
        ("single-b", 1, 20..80),
        ("batch-a", 8, 200..500),
        ("batch-b", 20, 600..1200),
    ] {
        let enqueuer = Enqueuer {
            name: name.to_owned(),
            clients: Clients::new(vec![service.client()]),
            queues: queues(),
            pause_ms,
            batch,
            delayed: 0.15,
        };
        enqueuers.spawn_local(enqueuer.run(Rc::clone(ledger), stop.clone(), rng.fork()));
    }
    enqueuers
}

fn start_workers(
    service: &Service,
    ledger: &Rc<Ledger>,
    stop: &CancellationToken,
    rng: &mut fastrand::Rng,
) -> JoinSet<()> {
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        let mut queues = queues();
        let first = number % queues.len();
        queues.rotate_left(first);
        let worker = Worker {
            name: format!("worker-{number}"),
            clients: Clients::new(vec![service.client()]),
            queues,
            lease: LEASE,
            manners: Manners { fail: 5, snooze: 5, release: 5, abandon: 3, heartbeat: 5, overdue: 0 },
            max: 8,
        };
        workers.spawn_local(worker.run(Rc::clone(ledger), stop.clone(), rng.fork()));
    }
    workers
}

async fn joined(tasks: &mut JoinSet<()>) {
    while let Some(ended) = tasks.join_next().await {
        ended.expect("a client of the test has failed");
    }
}

/// Tasks that nobody may touch: in a paused queue, and due much later.
async fn leave_waiting(client: &Client) {
    client.pause_queue("paused").await.expect("pause");
    let later = Some(Duration::from_secs(3600).into());
    for _ in 0..WAITING {
        client.enqueue(&chaos_task("paused".to_owned()), None).await.expect("a task");
        let task = CreateTask { delay: later, ..chaos_task("later".to_owned()) };
        client.enqueue(&task, None).await.expect("a task");
    }
}

/// They are still there, the queue is still paused, and the counters know.
async fn check_waiting(client: &Client) {
    let held = client.queue("paused").await.expect("the paused queue");
    let later = client.queue("later").await.expect("the queue of later tasks");
    assert!(held.paused, "pausing survives restarts");
    assert_eq!((held.depth.available, held.depth.unfinished()), (WAITING as u64, WAITING as u64));
    assert_eq!((later.depth.scheduled, later.depth.unfinished()), (WAITING as u64, WAITING as u64));
    for (queue, state) in [("paused", TaskState::Available), ("later", TaskState::Scheduled)] {
        let there: HashSet<_> = list(client, queue, Some(state)).await.iter().map(|task| task.id).collect();
        assert_eq!(there.len(), WAITING, "{queue}");
    }
}
