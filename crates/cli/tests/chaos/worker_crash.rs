//! `kill -9` of `taskward worker -- COMMAND`, twenty times, with load running.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use taskward_client::{Client, Task, TaskState};
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use crate::load::audit::{list, result_of};
use crate::load::enqueue::Enqueuer;
use crate::load::{Audit, Clients, Ledger};
use crate::support::process::Output;
use crate::support::{Database, Process, Service, seed};

const KILLS: usize = 20;
const SLOTS: usize = 3;
const QUEUE: &str = "commands";
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
const LOAD_MIN: usize = 50;

/// The work: writes down that it began, takes a moment, fails or gives the task back where it is asked to
/// (the first time it meets that task), and writes down that it has finished before the worker can report it.
const COMMAND: &str = r#"
log=$EFFECT_LOG
read -r payload
effect="$TASKWARD_TASK_ID $TASKWARD_ATTEMPT $$"
first=yes
grep -q "^$TASKWARD_TASK_ID " "$log" && first=no
echo "$effect begun" >> "$log"
sleep "0.0$(($$ % 6))"
case $first$payload in
    yes*'"index":1'*) echo "as planned" >&2; exit 1 ;;
    yes*'"index":2'*) exit 75 ;;
esac
echo "$effect finished" >> "$log"
echo "{\"effect\":\"$effect\"}"
"#;

#[tokio::test]
async fn worker_crash_sqlite() {
    LocalSet::new().run_until(worker_crash(Database::sqlite())).await;
}

#[tokio::test]
async fn worker_crash_postgres() {
    LocalSet::new().run_until(worker_crash(Database::postgres())).await;
}

async fn worker_crash(database: Database) {
    let title = format!("worker_crash_{}", database.name());
    let mut rng = seed(&title);
    // A task may be on several of the workers that are killed; that is no fault of the task.
    let mut service = Service::new(&database).with("TASKWARD__TASKS__CRASHES_MAX", "1000");
    service.start_ready().await;
    let log = service.dir().join("effects");
    std::fs::write(&log, "").expect("an empty effect log");

    let ledger = Rc::new(Ledger::default());
    let enough = CancellationToken::new();
    let enqueuer = Enqueuer {
        name: "enqueuer".to_owned(),
        clients: Clients::new(vec![service.client()]),
        queues: vec![QUEUE.to_owned()],
        pause_ms: 50..300,
        batch: 5,
        delayed: 0.1,
    };
    let enqueuer = tokio::task::spawn_local(enqueuer.run(Rc::clone(&ledger), enough.clone(), rng.fork()));

    let mut slots: Vec<Process> = (0..SLOTS).map(|slot| start_worker(&service, &log, slot, false)).collect();
    for _ in 0..KILLS {
        tokio::time::sleep(Duration::from_millis(rng.u64(100..700))).await;
        let slot = rng.usize(0..SLOTS);
        slots[slot].kill9().await;
        slots[slot] = start_worker(&service, &log, slot, false);
    }
    enough.cancel();
    enqueuer.await.expect("the enqueuer");
    let mut last = start_worker(&service, &log, SLOTS, true);
    assert_eq!(last.exit_code(DRAIN_LIMIT).await, 0, "--until-empty ends with 0");
    for mut worker in slots {
        worker.signal(Signal::TERM);
        assert_eq!(worker.exit_code(Duration::from_secs(10)).await, 0, "a worker drains");
    }
    check(&title, &service.client(), &ledger, &log).await;
    service.stop().await;
}

fn start_worker(service: &Service, log: &Path, slot: usize, until_empty: bool) -> Process {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    env.insert("EFFECT_LOG".to_owned(), log.display().to_string());
    let mut args = vec!["worker", "--queue", QUEUE, "--concurrency", "4", "--lease", "2s"];
    if until_empty {
        args.push("--until-empty");
    }
    args.extend(["--", "sh", "-c", COMMAND]);
    Process::start(&args, &env, &Output::new(service.dir(), &format!("worker-{slot}")))
}

async fn check(title: &str, client: &Client, ledger: &Ledger, log: &PathBuf) {
    Audit::drained(client, &[QUEUE.to_owned()], Duration::ZERO).await;
    let facts = ledger.snapshot();
    let created: HashSet<String> = facts.created.values().map(ToString::to_string).collect();
    let tasks: HashMap<String, Task> =
        list(client, QUEUE, None).await.into_iter().map(|task| (task.id.to_string(), task)).collect();
    let log = std::fs::read_to_string(log).expect("the effect log");
    let of = |what: &str| -> Vec<&str> {
        log.lines().filter_map(|line| line.strip_suffix(what)).map(str::trim_end).collect()
    };
    let (begun, finished) = (of("begun"), of("finished"));
    let mut done: HashMap<&str, usize> = HashMap::new();
    for effect in &finished {
        *done.entry(effect.split(' ').next().unwrap_or_default()).or_default() += 1;
    }

    let mut violations = facts.violations.clone();
    let missing = created.iter().filter(|id| !tasks.contains_key(*id)).count();
    let unknown = tasks.keys().filter(|id| !created.contains(*id)).count();
    let strange = begun.iter().filter(|effect| !created.contains(effect.split(' ').next().unwrap_or("")));
    violations.extend(strange.map(|effect| format!("an effect of a task nobody created: {effect}")));
    for task in tasks.values().filter(|task| task.state == TaskState::Completed) {
        let result = result_of(task);
        if !finished.contains(&result["effect"].as_str().unwrap_or_default()) {
            violations.push(format!("{} has a result of no finished effect: {result}", task.id));
        }
    }
    let completed = tasks.values().filter(|task| task.state == TaskState::Completed).count();
    let crashes: u32 = tasks.values().map(|task| task.crashes).sum();
    let again = done.values().filter(|count| **count > 1).count();
    let totals = client.queue(QUEUE).await.expect("the queue").totals;
    eprintln!(
        "{title}: {KILLS} kills: {} tasks acknowledged, {completed} completed once each, {missing} missing, {} stuck, \
         {unknown} unknown; {} effects begun, {} finished, {again} tasks done more than once, {crashes} crashes counted; \
         {} violations",
        created.len(),
        tasks.len() - completed,
        begun.len(),
        finished.len(),
        violations.len()
    );
    assert!(violations.is_empty(), "{title}: {violations:#?}");
    assert_eq!((completed, missing, unknown), (created.len(), 0, 0));
    assert_eq!((totals.created, totals.completed), (completed as u64, completed as u64), "the counters");
    assert_eq!(done.len(), completed, "every completed task has a finished effect");
    assert!(created.len() >= LOAD_MIN, "only {} tasks: that was no load", created.len());
}
