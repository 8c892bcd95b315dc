//! The network to PostgreSQL is cut: it stalls, resets, or swallows what is sent.

use std::time::Instant;

use taskward_testkit::postgres::TempPostgres;
use tokio::task::LocalSet;

use super::{Load, OUTAGE, Times, reaches, says_that_it_is_degraded};
use crate::support::{Cut, Proxy, Service, seed};

const ROUNDS: usize = 1;

#[tokio::test]
async fn the_network_is_cut_in_three_ways() {
    LocalSet::new().run_until(cut("outage_network")).await;
}

async fn cut(title: &str) {
    let server = TempPostgres::start();
    let url = server.create_database();
    let mut rng = seed(title);
    let proxy = Proxy::start(server.port()).await;
    let url = url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port));
    let mut service = Service::at(&url).with("TASKWARD__TASKS__CRASHES_MAX", "1000");
    service.start_ready().await;
    let load = Load::start(&service, &mut rng);
    let (mut down, mut back) = (Times::new("read-only"), Times::new("back"));
    for cut in [Cut::Stalls, Cut::Resets, Cut::Swallows].repeat(ROUNDS) {
        load.grows(20).await;
        let cause = Instant::now();
        proxy.set(cut);
        let took = reaches(&service, "read_only", cause).await;
        says_that_it_is_degraded(&service).await;
        tokio::time::sleep(OUTAGE).await;
        proxy.set(Cut::No);
        let returned = reaches(&service, "normal", Instant::now()).await;
        eprintln!("{title}: {cut:?}: read-only after {took:.2?}, back after {returned:.2?}");
        down.took.push(took);
        back.took.push(returned);
    }
    load.grows(50).await;
    load.finish(&service.client(), title).await;
    down.assert_kept(title);
    back.assert_kept(title);
    service.stop().await;
}
