//! One task for each line: batches, several in flight, at most once each.

use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::Serialize;
use taskward_client::{BatchAnswer, Client, ClientError, CreateTask, RetryPolicy};

use super::batches::{self, Batch, LISTED_MAX};
use super::lines::{BadLine, Form};
use super::{EnqueueArgs, in_trace};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::input::shell_quoted;
use crate::logging;
use crate::progress::Progress;
use crate::signals::{self, Shutdown};

/// Requests in flight at once.
const IN_FLIGHT: usize = 4;

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Tally {
    created: u64,
    duplicates: u64,
    refused: u64,
    /// The first lines that were refused.
    errors: Vec<BadLine>,
    idempotency_key: String,
    #[serde(skip)]
    stopped: Option<Stopped>,
}

/// Why reading stopped before the end of the input.
#[derive(Debug)]
enum Stopped {
    /// A line cannot be used.
    BadLine(BadLine),
    /// A batch could not be sent, `first` to `last` being its lines.
    Failed { error: ClientError, first: u64, last: u64 },
    /// Somebody asked to end.
    Signal(Exit),
}

/// Creates a task for each line.
pub(super) async fn run(
    args: &EnqueueArgs,
    template: CreateTask,
    path: &Path,
    form: Form,
    context: &Context,
) -> Ended {
    let total = batches::check(path, form)?;
    // A batch is worth more patience than a command: an input may not be there a second time.
    let client = context.client_with(RetryPolicy {
        attempts_max: 20,
        elapsed_max: Duration::from_secs(120),
        ..RetryPolicy::default()
    })?;
    let client = in_trace(client);
    let progress = Progress::of(total);
    logging::to_stderr(&progress);
    let key = args.idempotency_key.clone().unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
    let mut tally = Tally { idempotency_key: key, ..Tally::default() };
    let shutdown = signals::listen(|| ())?;
    send_all(&client, &template, batches::read(path, form)?, &mut tally, &progress, &shutdown).await;
    progress.end();
    finish(tally, path, context)
}

/// Sends batches until the input ends, or something ends it. What is in flight then is waited for.
async fn send_all(
    client: &Client,
    template: &CreateTask,
    mut input: tokio::sync::mpsc::Receiver<Result<Batch, BadLine>>,
    tally: &mut Tally,
    progress: &Progress,
    shutdown: &Shutdown,
) {
    let stop = shutdown.requested.child_token();
    let end = stop.clone();
    let batches = stream::poll_fn(move |task| input.poll_recv(task)).take_until(end.cancelled_owned());
    let key = tally.idempotency_key.clone();
    let sent = batches.map(|batch| send(client, template, &key, batch)).buffer_unordered(IN_FLIGHT);
    tokio::pin!(sent);
    while let Some(outcome) = sent.next().await {
        let stopped = match outcome {
            Ok((lines, answer)) => match tally.add(&lines, &answer) {
                Ok(()) => {
                    progress.add(u64::try_from(lines.len()).unwrap_or(u64::MAX));
                    None
                }
                Err(stopped) => Some(stopped),
            },
            Err(stopped) => Some(stopped),
        };
        if let Some(stopped) = stopped {
            tally.stopped.get_or_insert(stopped);
            stop.cancel();
        }
    }
    if let Some(signal) = shutdown.signal() {
        tally.stopped.get_or_insert(Stopped::Signal(signal));
    }
}

async fn send(
    client: &Client,
    template: &CreateTask,
    key: &str,
    batch: Result<Batch, BadLine>,
) -> Result<(Vec<u64>, BatchAnswer), Stopped> {
    let batch = batch.map_err(Stopped::BadLine)?;
    let (lines, tasks): (Vec<_>, Vec<_>) = batch
        .payloads
        .into_iter()
        .map(|(line, payload)| (line, CreateTask { payload: Some(payload), ..template.clone() }))
        .unzip();
    let key = format!("{key}-{}", batch.index);
    match client.enqueue_batch(&tasks, false, Some(&key)).await {
        Ok(answer) => Ok((lines, answer)),
        Err(error) => {
            let (first, last) = (lines.first().copied().unwrap_or(0), lines.last().copied().unwrap_or(0));
            Err(Stopped::Failed { error, first, last })
        }
    }
}

impl Tally {
    fn add(&mut self, lines: &[u64], answer: &BatchAnswer) -> Result<(), Stopped> {
        for (line, item) in lines.iter().zip(&answer.results) {
            match (&item.error, item.duplicate) {
                (Some(error), _) => {
                    self.refused += 1;
                    if self.errors.len() < LISTED_MAX {
                        self.errors.push(BadLine {
                            line: *line,
                            message: format!("{}: {}", error.code, error.detail),
                        });
                    }
                }
                (None, true) => self.duplicates += 1,
                (None, false) => self.created += 1,
            }
        }
        if lines.len() == answer.results.len() {
            return Ok(());
        }
        let detail = format!("{} results for {} tasks", answer.results.len(), lines.len());
        let error = ClientError::Protocol { url: String::new(), status: 200, detail };
        Err(Stopped::Failed {
            error,
            first: lines.first().copied().unwrap_or(0),
            last: lines.last().copied().unwrap_or(0),
        })
    }

    fn text(&self) -> String {
        let mut text = format!("{} created", self.created);
        if self.duplicates > 0 {
            text.push_str(&format!(", {} existed already", self.duplicates));
        }
        if self.refused > 0 {
            text.push_str(&format!(", {} refused", self.refused));
        }
        text
    }
}

fn finish(mut tally: Tally, path: &Path, context: &Context) -> Ended {
    let stopped = tally.stopped.take();
    let again = again(&tally.idempotency_key);
    let nothing_sent = tally.created + tally.duplicates + tally.refused == 0;
    let error = match stopped {
        None if tally.refused == 0 => {
            context.output.result(&tally, || tally.text())?;
            return Ok(Exit::Ok);
        }
        None => CliError::new(
            Exit::Failed,
            "lines_refused",
            format!("the service refused {} lines", tally.refused),
        ),
        Some(Stopped::BadLine(bad)) if nothing_sent => return Err(batches::refused(path, &[bad])),
        Some(Stopped::BadLine(bad)) => CliError::new(
            Exit::Failed,
            "bad_line",
            format!("line {} cannot be used: {}", bad.line, bad.message),
        ),
        Some(Stopped::Failed { error, first, last }) => {
            let failed = context.write_failed(&error);
            if nothing_sent && error.changed_nothing() {
                return Err(failed);
            }
            let state = format!("{}; lines {first} to {last} may have been created as well", tally.text());
            return Err(failed.state(state).next(again).detail("progress", &tally));
        }
        Some(Stopped::Signal(exit)) => {
            CliError::new(exit, "interrupted", "interrupted before the end of the input").next(again)
        }
    };
    let mut error = error.state(tally.text()).detail("progress", &tally);
    if !tally.errors.is_empty() {
        let lines: Vec<_> =
            tally.errors.iter().map(|bad| format!("line {}: {}", bad.line, bad.message)).collect();
        error = error.why(lines.join("; "));
    }
    Err(error)
}

/// The same command, which creates only what is missing.
fn again(key: &str) -> String {
    let mut words: Vec<_> = std::env::args().skip(1).map(|word| shell_quoted(&word)).collect();
    if !words.iter().any(|word| word.starts_with("--idempotency-key")) {
        words.extend(["--idempotency-key".to_owned(), key.to_owned()]);
    }
    format!("taskward {}", words.join(" "))
}
