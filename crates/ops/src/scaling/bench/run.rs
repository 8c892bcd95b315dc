//! A run: the scenarios one after the other, round for round, and the books at the end.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use taskward_client::{Client, ClientError, Health, ProblemCode};
use taskward_store::Store;
use tokio_util::sync::CancellationToken;

use super::connection::{Connection, Target};
use super::ledger::{Balance, Ledger};
use super::load::Load;
use super::meter::{self, Meter};
use super::options::{BenchOptions, Scenario};
use super::progress::{Progress, Stage};
use super::report::{BenchReport, Machine, ScenarioResult, ServiceFacts, summary};
use super::{BenchError, batch, drain, latency, one_by_one, single, steady};

/// How long tidying up may take, once somebody wants the run to end.
const CLEAN_UP_MAX: Duration = Duration::from_secs(60);

/// The share of the asked rate from which on a service has kept up with it.
const KEPT_UP: f64 = 0.9;

/// The service that is measured.
pub struct Subject {
    /// Calls that are not measured.
    pub client: Client,
    /// A client for each worker.
    pub worker_clients: Vec<Client>,
    /// The service's key.
    pub key: Option<SecretString>,
    /// The service's process, when it is on this machine and known.
    pub pid: Option<u32>,
    /// The service's database, to read its log's position from; closed by whoever opened it.
    pub store: Option<Arc<dyn Store>>,
    /// `sqlite` or `postgres`, when it is known.
    pub database: Option<&'static str>,
    /// Whether the caller has started it for this run.
    pub embedded: bool,
}

/// A run that failed, and what it left behind.
#[derive(Debug)]
pub struct BenchFailure {
    /// Why.
    pub error: BenchError,
    /// The run's own queue.
    pub queue: String,
    /// How many of its tasks are unfinished; `None` when the service does not say.
    pub left: Option<u64>,
}

/// Asks the service who it is.
///
/// # Errors
/// [`BenchError::NotHttp`], and any [`ClientError`].
pub async fn health(client: &Client, key: Option<&SecretString>) -> Result<Health, BenchError> {
    let target = Target::of(client, key)?;
    let path = target.path("/health")?;
    let mut connection = Connection::open(&target).await?;
    let answer = connection.get(&path).await?;
    serde_json::from_slice(&answer.body).map_err(|_| connection.refused(&answer).into())
}

/// Runs everything, and tidies up, also when `stop` is cancelled or something fails.
///
/// # Errors
/// Why it could not go on, and what it left behind.
pub async fn run(
    subject: Subject,
    health: &Health,
    options: BenchOptions,
    progress: Arc<Progress>,
    stop: CancellationToken,
) -> Result<BenchReport, BenchFailure> {
    let queue = format!("bench-{:08x}", fastrand::u32(..));
    let nothing_left = |error| BenchFailure { error, queue: queue.clone(), left: Some(0) };
    let target = Target::of(&subject.client, subject.key.as_ref()).map_err(nothing_left)?;
    let mut meter = Meter::new(&target, subject.pid, subject.store);
    let service = ServiceFacts {
        url: subject.client.url().to_owned(),
        version: health.version.clone(),
        env: health.env.clone(),
        instance: health.instance.clone(),
        database: subject.database,
        durability: None,
        embedded: subject.embedded,
    };
    let (client, worker_clients) = (subject.client, subject.worker_clients);
    let ledger = Ledger::default();
    let load = Arc::new(Load { target, client, worker_clients, options, queue, ledger, progress, stop });

    let mut results = Vec::new();
    let mut notes = Vec::new();
    let ran = rounds(&load, &mut meter, &mut results, &mut notes).await;
    let tidied = tidy(&load).await;
    let failed =
        |error| BenchFailure { error, queue: load.queue.clone(), left: tidied.as_ref().ok().map(|b| b.left) };
    ran.map_err(failed)?;
    // Nothing but PostgreSQL is opened here, and only the service's own database is kept.
    let database = service.database.or(meter.has_store().then_some("postgres"));
    let durability = meter.durability(database).await;
    let service = ServiceFacts { database, durability, ..service };
    let balance = tidied.map_err(|error| BenchFailure { error, queue: load.queue.clone(), left: None })?;
    Ok(BenchReport {
        machine: Machine::of_this_process(&service.url),
        service,
        settings: load.options.clone(),
        queue: load.queue.clone(),
        summary: summary(&load.options.scenarios, &results),
        results,
        balance,
        interrupted: load.stop.is_cancelled(),
        notes,
    })
}

async fn rounds(
    load: &Arc<Load>,
    meter: &mut Meter,
    results: &mut Vec<ScenarioResult>,
    notes: &mut Vec<String>,
) -> Result<(), BenchError> {
    for round in 1..=load.options.rounds {
        for scenario in &load.options.scenarios {
            prepare(load, *scenario, round).await?;
            if load.stop.is_cancelled() {
                return Ok(());
            }
            let result = measure(load, meter, *scenario, round).await?;
            notes.extend(remark(&result, &load.options));
            results.push(result);
            if results.len() == 1 && !meter.keep_store_with(&load.queue).await {
                notes
                    .push("the configured database is not the service's: its log is not measured".to_owned());
                results.iter_mut().for_each(|result| result.spent.wal_bytes_per_task = None);
            }
        }
    }
    Ok(())
}

/// What keeps a result from being what it looks like.
fn remark(result: &ScenarioResult, options: &BenchOptions) -> Option<String> {
    let (name, round) = (result.scenario.name(), result.round);
    let rate = f64::from(options.rate);
    if result.scenario == Scenario::Latency && result.tasks_per_second < rate * KEPT_UP {
        let arrived = result.tasks_per_second;
        return Some(format!(
            "{name}, round {round}: {rate} tasks a second were due and {arrived:.0} arrived: \
             these latencies are those of an overload"
        ));
    }
    let idle = result.backlog.is_some_and(|backlog| backlog.min == 0);
    idle.then(|| format!("{name}, round {round}: the backlog was empty for a moment: adding was too slow"))
}

/// Gives a scenario the backlog that it begins with, or none.
async fn prepare(load: &Arc<Load>, scenario: Scenario, round: u32) -> Result<(), BenchError> {
    match scenario {
        Scenario::Single | Scenario::Batch => Ok(()),
        Scenario::Drain | Scenario::OneByOne => {
            let total = load.options.tasks.saturating_sub(load.ledger.backlog());
            load.progress.begin(Stage { round, name: "fill", total: Some(total) });
            batch::fill(load, load.options.tasks).await
        }
        Scenario::Steady | Scenario::Latency => {
            drain::clean_up(load, &load.stop).await?;
            Ok(())
        }
    }
}

async fn measure(
    load: &Arc<Load>,
    meter: &Meter,
    scenario: Scenario,
    round: u32,
) -> Result<ScenarioResult, BenchError> {
    let total = match scenario {
        Scenario::Single | Scenario::OneByOne | Scenario::Batch => Some(load.options.tasks),
        Scenario::Drain => Some(load.ledger.backlog()),
        Scenario::Steady | Scenario::Latency => None,
    };
    load.progress.begin(Stage { round, name: scenario.name(), total });
    let (before, refused) = (meter.read().await, load.ledger.refused());
    let memory = meter.watch_memory();
    let measured = match scenario {
        Scenario::Single => single::run(load).await,
        Scenario::Batch => batch::run(load).await,
        Scenario::Drain => drain::run(load).await,
        Scenario::Steady => steady::run(load).await,
        Scenario::OneByOne => one_by_one::run(load).await,
        Scenario::Latency => latency::run(load).await,
    };
    let rss_bytes_max = memory.most().await;
    let measured = measured?;
    let tasks = measured.added.max(measured.completed);
    let spent = meter::spent(before, meter.read().await, tasks, rss_bytes_max);
    let refused = load.ledger.refused() - refused;
    Ok(ScenarioResult::new(scenario, round, measured, refused, spent))
}

/// Works off what is left, and closes the books.
async fn tidy(load: &Load) -> Result<Balance, BenchError> {
    let give_up = CancellationToken::new();
    let limit = tokio::spawn({
        let give_up = give_up.clone();
        async move {
            tokio::time::sleep(CLEAN_UP_MAX).await;
            give_up.cancel();
        }
    });
    let tidied = drain::clean_up(load, &give_up).await;
    limit.abort();
    tidied?;
    let queue = match load.client.queue(&load.queue).await {
        Ok(queue) => Some(queue),
        Err(error) if error.code() == Some(ProblemCode::NotFound) => None,
        Err(error) => return Err(ClientError::into(error)),
    };
    Ok(load.ledger.balance(queue.as_ref()))
}
