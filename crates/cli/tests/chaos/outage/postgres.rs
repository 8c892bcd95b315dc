//! PostgreSQL is stopped at once, and started again.

use std::time::{Duration, Instant};

use taskward_testkit::postgres::TempPostgres;
use tokio::task::LocalSet;

use super::{Load, OUTAGE, Times, call, reaches, says_that_it_is_degraded};
use crate::support::{Service, seed};

const ROUNDS: usize = 10;

#[tokio::test]
async fn postgres_is_stopped_ten_times() {
    LocalSet::new().run_until(stopped("outage_postgres")).await;
}

async fn stopped(title: &str) {
    let mut server = TempPostgres::start();
    let url = server.create_database();
    let mut rng = seed(title);
    // Claims whose answers were cut off look like lost workers, and there are ten outages.
    let mut service = Service::at(&url).with("TASKWARD__TASKS__CRASHES_MAX", "1000");
    service.start_ready().await;
    let load = Load::start(&service, &mut rng);
    let (mut down, mut back) = (Times::new("read-only"), Times::new("back"));
    for round in 1..=ROUNDS {
        load.grows(20).await;
        let cause = Instant::now();
        server.stop_immediate();
        down.took.push(reaches(&service, "read_only", cause).await);
        if round == 1 {
            says_that_it_is_degraded(&service).await;
            let read = call(&service, "GET", "/api/v1/tasks", None).await;
            assert_eq!((read.status, read.code().as_str()), (503, "database_unavailable"), "{read:?}");
            assert!(read.headers.contains_key("retry-after"), "{read:?}");
        }
        tokio::time::sleep(OUTAGE + Duration::from_millis(rng.u64(0..200))).await;
        server.restart();
        back.took.push(reaches(&service, "normal", Instant::now()).await);
    }
    load.grows(50).await;
    load.finish(&service.client(), &format!("{title}: {ROUNDS} outages of {OUTAGE:?}")).await;
    down.assert_kept(title);
    back.assert_kept(title);
    service.stop().await;
}
