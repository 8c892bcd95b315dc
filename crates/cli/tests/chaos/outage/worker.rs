//! `taskward worker` while the database is away for longer than its leases: it goes on, and delivers afterwards.

use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::value::to_raw_value;
use taskward_client::{CreateTask, TaskState};
use taskward_testkit::postgres::TempPostgres;

use super::reaches;
use crate::load::audit::result_of;
use crate::support::process::Output;
use crate::support::{Process, Service, eventually};

const SOON: Duration = Duration::from_secs(30);
/// How long the commands take.
const SECONDS: [u32; 2] = [3, 10];

/// One command ends while the database is away, the other goes on until it is back.
#[tokio::test]
async fn work_in_progress_is_kept_and_delivered() {
    let mut server = TempPostgres::start();
    let mut service = Service::at(&server.create_database());
    service.start_ready().await;
    let client = service.client();
    let mut ids = Vec::new();
    for seconds in SECONDS {
        let payload = Some(to_raw_value(&seconds).expect("a payload"));
        let task = CreateTask {
            kind: "sleep".to_owned(),
            queue: Some("slow".to_owned()),
            payload,
            ..CreateTask::default()
        };
        ids.push(client.enqueue(&task, None).await.expect("a task").id);
    }
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    let output = Output::new(service.dir(), "worker");
    let command = "read -r seconds; sleep \"$seconds\"; echo \"$seconds\"";
    let args =
        ["worker", "--queue", "slow", "--concurrency", "2", "--lease", "3s", "--", "sh", "-c", command];
    let mut worker = Process::start(&args, &env, &output);
    eventually("both run", SOON, async || {
        (client.queue("slow").await.ok()?.depth.running == 2).then_some(())
    })
    .await;

    server.stop_immediate();
    reaches(&service, "read_only", Instant::now()).await;
    // The shorter one has ended by then, and every lease would have.
    tokio::time::sleep(Duration::from_secs(5)).await;
    server.restart();
    reaches(&service, "normal", Instant::now()).await;
    for (id, seconds) in ids.into_iter().zip(SECONDS) {
        let task = eventually("it is completed", SOON, async || {
            let task = client.task(id).await.ok()?;
            (task.state == TaskState::Completed).then_some(task)
        })
        .await;
        assert_eq!((task.attempt, task.crashes, result_of(&task)), (1, 0, seconds.into()), "{task:?}");
    }
    worker.signal(Signal::TERM);
    assert_eq!(worker.exit_code(Duration::from_secs(10)).await, 0, "a worker drains");
    let log = output.text();
    assert!(
        log.contains("results wait to be delivered") && log.contains("had to wait are delivered"),
        "{log}"
    );
    eprintln!(
        "outage_worker: 2 commands outlasted an outage longer than their leases; both results were delivered by the first attempt"
    );
    service.stop().await;
}
