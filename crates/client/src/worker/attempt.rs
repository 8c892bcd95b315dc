//! One attempt: run the handler, stop it when it has to stop, hand over its outcome.

use std::any::Any;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::FutureExt;
use opentelemetry::trace::FutureExt as _;
use taskward_api::Task;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use uuid::Uuid;

use super::leased::Leased;
use super::outcome::reported;
use super::report::Report;
use super::run::Shared;
use super::{Handler, Outcome, Stop, StopReason, TaskContext};
use crate::trace;

/// Runs a task that was claimed just now. `slot` is free again when the outcome was handed over.
pub(crate) fn start<H: Handler>(
    shared: &Arc<Shared<H>>,
    reports: &mpsc::Sender<Report>,
    task: Task,
    slot: OwnedSemaphorePermit,
) {
    let (entry, stop) = (Uuid::now_v7(), Stop::default());
    let leased = Arc::new(Leased::of(&task));
    shared.running.add(entry, Arc::clone(&leased), stop.clone(), Instant::now());
    let (shared, reports, attempts) = (Arc::clone(shared), reports.clone(), shared.attempts.clone());
    let attempt = async move {
        match run(&shared, task, entry, &stop).await {
            // The receiver outlives every attempt.
            Some(outcome) => drop(reports.send(Report::new(entry, leased, outcome)).await),
            None => {
                shared.running.remove(entry);
                shared.counts.lost();
            }
        }
        drop(slot);
    };
    // In a box before it is spawned: the task is in it, and spawning would move it about several times.
    attempts.spawn(Box::pin(attempt));
}

async fn run<H: Handler>(shared: &Arc<Shared<H>>, task: Task, entry: Uuid, stop: &Stop) -> Option<Outcome> {
    let options = &shared.options;
    let span = options.tracer.as_deref().map(|tracer| trace::process(tracer, &task, &options.worker_id));
    let around = span.clone().or_else(|| trace::of_task(&task).map(|context| trace::remote(&context)));
    let trace = around.as_ref().and_then(trace::of);
    let context = TaskContext { stop: stop.clone(), entry, running: Arc::clone(&shared.running), trace };
    let timeout = task.timeout;
    let work = AssertUnwindSafe(shared.handler.run(task, context)).catch_unwind();
    let work = work.map(|returned| returned.unwrap_or_else(|panic| panicked(panic.as_ref())));
    let grace = options.stop_grace;
    let returned = match around {
        Some(around) => supervise(work.with_context(around), stop, timeout.0, grace).await,
        None => supervise(work, stop, timeout.0, grace).await,
    };
    let outcome = reported(timeout, stop.reason(), returned);
    if let Some(span) = span {
        trace::processed(&span, outcome.as_ref());
    }
    outcome
}

/// What the handler returned; `None` when it was told to stop and did not within the grace.
async fn supervise(
    work: impl Future<Output = Outcome>,
    stop: &Stop,
    timeout: Duration,
    grace: Duration,
) -> Option<Outcome> {
    tokio::pin!(work);
    tokio::select! {
        biased;
        outcome = &mut work => return Some(outcome),
        () = stop.requested() => {}
        () = tokio::time::sleep(timeout) => stop.request(StopReason::TimedOut),
    }
    tokio::time::timeout(grace, work).await.ok()
}

fn panicked(panic: &(dyn Any + Send)) -> Outcome {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Outcome::failed("panic", text.unwrap_or_else(|| "the handler panicked".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);

    #[tokio::test]
    async fn a_handler_that_does_not_stop_is_dropped() {
        let stop = Stop::default();
        let short = Duration::from_millis(1);
        let returned = supervise(std::future::pending(), &stop, short, short).await;
        assert!(returned.is_none());
        assert_eq!(stop.reason(), Some(StopReason::TimedOut));
    }

    #[tokio::test]
    async fn a_handler_that_stops_in_time_has_its_say() {
        let stop = Stop::default();
        stop.request(StopReason::Draining);
        let returned = supervise(async { Outcome::Completed(None) }, &stop, LONG, LONG).await;
        assert!(matches!(returned, Some(Outcome::Completed(None))));
    }

    #[test]
    fn a_panic_says_what_it_said() {
        let Outcome::Failed { error, retryable: true, .. } = panicked(&"index out of bounds") else {
            panic!("not a failure")
        };
        assert_eq!((error.kind.as_str(), error.message.as_str()), ("panic", "index out of bounds"));
    }
}
