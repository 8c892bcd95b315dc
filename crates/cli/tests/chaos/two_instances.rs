//! Two instances on one PostgreSQL.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

use taskward_api::CompleteRequest;
use taskward_client::{ClaimRequest, Client, CreateTask};
use tokio::task::{JoinSet, LocalSet, spawn_local};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::load::audit::list;
use crate::load::enqueue::{Enqueuer, chaos_task};
use crate::load::ledger::End;
use crate::load::{Audit, Clients, Ledger, Manners, Worker};
use crate::support::{BenchLoad, Database, Service, eventually, seed, within};

const WORKERS: usize = 8;
const LEASE: Duration = Duration::from_secs(1);
/// How long the load runs while nothing is killed.
const LOAD_FOR: Duration = Duration::from_secs(8);
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
const ORDER_STEPS: usize = 250;
const WAKE_UPS: usize = 20;
const WAKE_UP_LIMIT: Duration = Duration::from_millis(250);
/// Of the wake-ups, as many may be slow because the machine was. Were they found by the poll of once a
/// second instead, three quarters would be.
const WAKE_UPS_SLOW_MAX: usize = 2;
const QUEUE: &str = "shared";

/// The database, and two instances that are ready.
async fn two() -> (Database, [Service; 2]) {
    let database = Database::postgres();
    // The workers here abandon tasks on purpose.
    let instance = || Service::new(&database).with("TASKWARD__TASKS__CRASHES_MAX", "1000");
    let mut both = [instance(), instance()];
    for service in &mut both {
        service.start_ready().await;
    }
    (database, both)
}

#[tokio::test]
async fn no_task_is_held_twice_and_each_is_rescued_once() {
    let body = async {
        let (_database, services) = two().await;
        let title = "two_instances_load";
        let mut rng = seed(title);
        let ledger = Rc::new(Ledger::default());
        let mut load = Load::start(&services, &ledger, &mut rng);
        tokio::time::sleep(LOAD_FOR).await;
        load.finish(&services[0].client()).await;
        let client = services[1].client();
        Audit::of(&client, &ledger, &[QUEUE.to_owned()]).await.assert_clean(title);
        rescued_once(&client, &ledger).await;
    };
    LocalSet::new().run_until(body).await;
}

#[tokio::test]
async fn one_instance_is_killed_and_the_other_works_on() {
    LocalSet::new().run_until(one_is_killed("two_instances_kill", false)).await;
}

#[tokio::test]
async fn one_instance_is_killed_and_the_other_works_on_at_full_speed() {
    LocalSet::new().run_until(one_is_killed("two_instances_kill_at_full_speed", true)).await;
}

/// With `full_speed`, the instance that works on has as much to do as it can take, all the time; what is lost or
/// done twice there, `taskward bench` finds in its books.
async fn one_is_killed(title: &str, full_speed: bool) {
    let (_database, mut services) = two().await;
    let mut rng = seed(title);
    let ledger = Rc::new(Ledger::default());
    let mut load = Load::start(&services, &ledger, &mut rng);
    let bench = full_speed.then(|| BenchLoad::start(&services[1], DRAIN_LIMIT));
    let completed = || ledger.facts().completed.len();
    let grows = async |by: usize, what: &str| {
        let before = completed();
        eventually(what, DRAIN_LIMIT, async || (completed() >= before + by).then_some(())).await;
    };
    grows(50, "the load runs").await;
    tokio::time::sleep(Duration::from_millis(rng.u64(0..500))).await;
    services[0].kill9().await;
    grows(100, "the other instance works on").await;
    services[0].start_ready().await;
    grows(50, "both work again").await;
    if let Some(bench) = bench {
        let runs = bench.stop().await;
        eprintln!("{title}: {runs:?}");
        assert!(runs.agreed > 1 && runs.interrupted == 0, "{runs:?}: its instance was there all the time");
        assert!(runs.completed > 0, "{runs:?}: nothing was worked off");
    }
    load.finish(&services[0].client()).await;
    Audit::of(&services[1].client(), &ledger, &[QUEUE.to_owned()]).await.assert_clean(title);
}

/// Eight workers, half of them at each instance, and those who create tasks at both.
struct Load {
    enough: CancellationToken,
    done: CancellationToken,
    enqueuers: JoinSet<()>,
    workers: JoinSet<()>,
}

impl Load {
    fn start(services: &[Service; 2], ledger: &Rc<Ledger>, rng: &mut fastrand::Rng) -> Self {
        let (enough, done) = (CancellationToken::new(), CancellationToken::new());
        let (mut enqueuers, mut workers) = (JoinSet::new(), JoinSet::new());
        let at = |first: usize| {
            let mut clients = services.each_ref().map(Service::client);
            clients.rotate_left(first);
            Clients::new(clients.to_vec())
        };
        for number in 0..WORKERS {
            let worker = Worker {
                name: format!("worker-{number}"),
                clients: at(number % 2),
                queues: vec![QUEUE.to_owned()],
                lease: LEASE,
                manners: Manners { fail: 4, snooze: 4, release: 4, abandon: 3, overdue: 2, heartbeat: 10 },
                max: 5,
            };
            workers.spawn_local(worker.run(Rc::clone(ledger), done.clone(), rng.fork()));
        }
        for (number, batch) in [(0, 1), (1, 1), (2, 10), (3, 10)] {
            let enqueuer = Enqueuer {
                name: format!("enqueuer-{number}"),
                clients: at(number % 2),
                queues: vec![QUEUE.to_owned()],
                pause_ms: 20..200,
                batch,
                delayed: 0.3,
            };
            enqueuers.spawn_local(enqueuer.run(Rc::clone(ledger), enough.clone(), rng.fork()));
        }
        Self { enough, done, enqueuers, workers }
    }

    /// No more tasks; and once all are done, no more workers.
    async fn finish(&mut self, client: &Client) {
        self.enough.cancel();
        while let Some(ended) = self.enqueuers.join_next().await {
            ended.expect("an enqueuer has failed");
        }
        Audit::drained(client, &[QUEUE.to_owned()], DRAIN_LIMIT).await;
        self.done.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended.expect("a worker has failed");
        }
    }
}

/// A lost lease is counted once, though both instances look for them: exactly as many crashes as attempts
/// that lost their lease, and exactly as many leases as attempts that were seen.
async fn rescued_once(client: &Client, ledger: &Ledger) {
    let facts = ledger.snapshot();
    let (mut leases, mut lost, mut delayed) = (HashMap::<Uuid, i64>::new(), HashMap::<Uuid, u32>::new(), 0);
    for effect in &facts.effects {
        *leases.entry(effect.task).or_default() += 1;
        if matches!(effect.end, End::Abandoned | End::LeaseLost) {
            *lost.entry(effect.task).or_default() += 1;
        }
    }
    let mut crashes = 0;
    for task in list(client, QUEUE, None).await {
        let expired = task.errors.iter().filter(|error| error.kind == "lease_expired").count();
        assert_eq!(task.crashes, lost.get(&task.id).copied().unwrap_or(0), "crashes: {task:?}");
        assert_eq!(expired, task.crashes as usize, "errors: {task:?}");
        crashes += task.crashes;
        delayed += usize::from(task.run_at > task.created_at);
        let last = facts.effects.iter().filter(|effect| effect.task == task.id).map(|e| e.lease).max();
        assert_eq!(last, leases.get(&task.id).copied(), "every lease was seen by a worker: {task:?}");
    }
    eprintln!(
        "two_instances_load: {crashes} lost leases rescued once each, {delayed} scheduled tasks promoted"
    );
    assert!(crashes > 0 && delayed > 0, "nothing was rescued or promoted");
}

/// One claimer at a time, at alternating instances, gets the tasks by priority, and within a priority in the
/// order in which they were created, also at alternating instances.
#[tokio::test]
async fn order_is_kept_over_both_instances() {
    let (_database, services) = two().await;
    let mut rng = seed("two_instances_order");
    let clients = services.each_ref().map(Service::client);
    let mut expected: BinaryHeap<Reverse<(i64, usize, Uuid)>> = BinaryHeap::new();
    let (mut created, mut claimed) = (0, 0);
    for step in 0..ORDER_STEPS {
        let creator = &clients[rng.usize(0..2)];
        let priorities: Vec<i64> = (0..rng.usize(0..5)).map(|_| rng.i64(1..=9)).collect();
        if step < ORDER_STEPS * 4 / 5 {
            for (priority, id) in create(creator, &priorities).await {
                created += 1;
                expected.push(Reverse((priority, created, id)));
            }
        }
        let max = rng.i64(1..=3);
        let got = claim_and_complete(&clients[step % 2], max).await;
        let due = expected.len().min(max as usize);
        let wanted: Vec<Uuid> =
            (0..due).filter_map(|_| expected.pop().map(|Reverse((_, _, id))| id)).collect();
        assert_eq!(got, wanted, "step {step}: claimed against the order of creation within priorities");
        claimed += got.len();
    }
    while !expected.is_empty() {
        let wanted = expected.pop().map(|Reverse((_, _, id))| id);
        assert_eq!(claim_and_complete(&clients[expected.len() % 2], 1).await.first().copied(), wanted);
        claimed += 1;
    }
    assert_eq!(claimed, created);
    eprintln!(
        "two_instances_order: {claimed} tasks claimed in order by one claimer at alternating instances"
    );
}

/// Creates tasks alone or in a batch; they are in order either way.
async fn create(client: &Client, priorities: &[i64]) -> Vec<(i64, Uuid)> {
    let task = |priority: i64| CreateTask { priority: Some(priority), ..chaos_task(QUEUE.to_owned()) };
    let ids = match priorities {
        [] => Vec::new(),
        [priority] => vec![client.enqueue(&task(*priority), None).await.expect("a task").id],
        several => {
            let tasks: Vec<CreateTask> = several.iter().map(|priority| task(*priority)).collect();
            let answer = client.enqueue_batch(&tasks, false, None).await.expect("a batch");
            answer.results.into_iter().map(|result| result.id.expect("an id")).collect()
        }
    };
    priorities.iter().copied().zip(ids).collect()
}

async fn claim_and_complete(client: &Client, max: i64) -> Vec<Uuid> {
    let tasks = client.claim(&demand("serial", QUEUE, max, Duration::ZERO)).await.expect("a claim");
    let mut ids = Vec::new();
    for task in tasks {
        let lease_token = task.lease_token.expect("a lease");
        let report = CompleteRequest { lease_token, result: None };
        client.complete(task.id, &report).await.expect("a completion");
        ids.push(task.id);
    }
    ids
}

fn demand(worker: &str, queue: &str, max: i64, wait: Duration) -> ClaimRequest {
    ClaimRequest {
        worker_id: worker.to_owned(),
        queues: vec![queue.to_owned()],
        kinds: None,
        max: Some(max),
        wait: Some(wait.into()),
        lease: Some(Duration::from_secs(60).into()),
    }
}

/// A claim that waits at one instance gets the task that is created at the other.
#[tokio::test]
async fn a_wake_up_crosses_instances() {
    let body = async {
        let (_database, services) = two().await;
        let mut rng = seed("two_instances_wake_up");
        let clients = services.each_ref().map(Service::client);
        let mut took = Vec::new();
        for round in 0..WAKE_UPS {
            let [here, there] = [&clients[round % 2], &clients[(round + 1) % 2]];
            let queue = format!("wake-{round}");
            let demand = demand("parked", &queue, 1, Duration::from_secs(9));
            let waiting = {
                let here = here.clone();
                spawn_local(async move { (here.claim(&demand).await, Instant::now()) })
            };
            // A claim that is not parked by then finds the task by itself: that proves nothing, and harms
            // nothing either.
            tokio::time::sleep(Duration::from_millis(rng.u64(50..250))).await;
            let created = there.enqueue(&chaos_task(queue), None).await.expect("a task");
            let acknowledged = Instant::now();
            let (claimed, at) =
                within("the claim ends", Duration::from_secs(10), waiting).await.expect("joined");
            assert_eq!(claimed.expect("a claim").first().map(|task| task.id), Some(created.id));
            took.push(at.saturating_duration_since(acknowledged));
        }
        took.sort();
        let slow = took.iter().filter(|took| **took >= WAKE_UP_LIMIT).count();
        eprintln!(
            "two_instances_wake_up: {WAKE_UPS} wake-ups crossed: median {:.1?}, longest {:.1?}",
            took[WAKE_UPS / 2],
            took[WAKE_UPS - 1]
        );
        assert!(slow <= WAKE_UPS_SLOW_MAX, "{took:?}");
    };
    LocalSet::new().run_until(body).await;
}
