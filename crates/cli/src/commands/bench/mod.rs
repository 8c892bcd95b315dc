//! `taskward bench`: measures a service, a running one or one of its own.

mod arguments;
mod embedded;
mod subject;
mod text;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use taskward_ops::scaling::bench::{self, BenchError, BenchFailure, BenchReport};
use taskward_ops::scaling::bench::{Progress as Watched, Subject};

use super::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::progress::Progress;
use crate::signals::Shutdown;
use crate::{logging, signals};

pub(crate) use arguments::BenchArgs;
use embedded::Embedded;

/// Measures.
pub(crate) async fn run(args: BenchArgs, context: &Context) -> Ended {
    let options = args.options()?;
    let progress = Progress::message();
    logging::to_stderr(&progress);
    if !args.embedded {
        let shutdown = signals::listen(|| ())?;
        let (subject, health) = subject::running(&args, context).await?;
        let store = subject.store.clone();
        let ran = measure(subject, &health, options, &shutdown, &progress).await;
        subject::close(store).await;
        return finish(ran, Place::Running, &shutdown, context);
    }
    // Signals are heard before there is anything to tidy up after them.
    let kill: Arc<OnceLock<Box<dyn Fn() + Send + Sync>>> = Arc::default();
    let at_once = Arc::clone(&kill);
    let shutdown = signals::listen(move || at_once.get().into_iter().for_each(|kill| kill()))?;
    let embedded = Embedded::start(context, args.yes)?;
    // Nobody else sets it.
    let _ = kill.set(Box::new(embedded.kill_at_once()));
    let ran = match embedded.ready(context, &args, &shutdown).await {
        Ok((subject, health)) => {
            let store = subject.store.clone();
            let ran = measure(subject, &health, options, &shutdown, &progress).await;
            subject::close(store).await;
            Ok(ran)
        }
        Err(error) => Err(error),
    };
    let place = embedded.place();
    embedded.stop().await;
    finish(ran?, place, &shutdown, context)
}

async fn measure(
    subject: Subject,
    health: &taskward_client::Health,
    options: bench::BenchOptions,
    shutdown: &Shutdown,
    progress: &Progress,
) -> Result<BenchReport, BenchFailure> {
    let watched = Arc::new(Watched::default());
    let shown = show(progress.clone(), Arc::clone(&watched));
    let ran = bench::run(subject, health, options, watched, shutdown.requested.clone()).await;
    shown.abort();
    progress.end();
    ran
}

/// Shows how far it is, where somebody sees it.
fn show(progress: Progress, watched: Arc<Watched>) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let mut since = (bench::Stage::default(), std::time::Instant::now());
        while !progress.is_hidden() {
            let (stage, done) = watched.now();
            if stage != since.0 {
                since = (stage, std::time::Instant::now());
            }
            progress.say(text::stage(&since.0, done, since.1.elapsed()));
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
}

/// What becomes of the tasks when the run is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// They are in the database of a service that goes on.
    Running,
    /// They are in a database that stays, of a service that has ended.
    Stopped,
    /// They are removed with their database.
    Removed,
}

fn finish(
    ran: Result<BenchReport, BenchFailure>,
    place: Place,
    shutdown: &Shutdown,
    context: &Context,
) -> Ended {
    let report = ran.map_err(|failure| failed(&failure, place, context))?;
    let state = left(&report.queue, Some(report.balance.left), place);
    if let Some(signal) = shutdown.signal() {
        context.output.text(|| text::report(&report))?;
        let error = CliError::new(signal, "interrupted", "interrupted before all was measured");
        return Err(error.state(state).detail("report", &report));
    }
    if report.balance.agrees && report.balance.left == 0 {
        context.output.result(&report, || text::report(&report))?;
        return Ok(Exit::Ok);
    }
    context.output.text(|| text::report(&report))?;
    let message = if report.balance.agrees {
        "not all tasks of the run could be worked off"
    } else {
        "what was acknowledged and what the service has done differ"
    };
    let error = CliError::new(Exit::Failed, "counts_differ", message)
        .why(text::balance(&report.balance))
        .state(state)
        .detail("report", &report);
    let look = context.command(&format!("queue get {}", report.queue));
    Err(if place == Place::Running { error.next(look) } else { error })
}

/// What a run that failed means to whoever typed the command.
fn failed(failure: &BenchFailure, place: Place, context: &Context) -> CliError {
    let error = described(&failure.error, context).state(left(&failure.queue, failure.left, place));
    match (place, failure.left) {
        (Place::Running, Some(0)) => error,
        (Place::Running, _) => {
            error.next(context.command(&format!("worker --queue {} --until-empty -- true", failure.queue)))
        }
        (Place::Stopped | Place::Removed, _) => error.next("taskward bench --embedded"),
    }
}

fn described(error: &BenchError, context: &Context) -> CliError {
    match error {
        BenchError::NotHttp(_) => CliError::usage("invalid_url", error.to_string())
            .next("taskward bench --url http://127.0.0.1:8000"),
        BenchError::Client(error) => context.write_failed(error),
        BenchError::Stalled { .. } => CliError::new(Exit::Failed, "bench_stalled", error.to_string())
            .next(context.command("queue list")),
    }
}

/// What is left of the run's tasks.
fn left(queue: &str, left: Option<u64>, place: Place) -> String {
    match (place, left) {
        (Place::Removed, _) => "the service of this run and its database are removed".to_owned(),
        (_, Some(0)) => {
            format!("every task of the queue {queue} is finished; its history stays until it is pruned")
        }
        (_, Some(left)) => format!("{left} tasks of the queue {queue} are unfinished"),
        (_, None) => format!("tasks of the queue {queue} may be unfinished"),
    }
}
