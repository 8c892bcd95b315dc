//! The writer: one thread that commits everything waiting in one transaction.
//!
//! A commit costs a flush of the disk, however much is in it. So while one transaction is being committed,
//! what arrives waits for the next, and at low load nothing waits. Each job runs in a savepoint: one that
//! fails is undone alone. Nobody is answered before the commit has returned.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::counts::Counts;
use super::wal::Checkpoints;
use super::{clock, failure};
use crate::{SqliteLog, StoreError, StoreOptions};

/// Jobs that may wait for the writer; more callers than that wait to hand theirs over.
const JOBS_WAITING: usize = 1024;

/// Jobs in one transaction. Bounds how long the first of them waits for the last.
const JOBS_PER_COMMIT: usize = 128;

/// What a job works with: its part of the transaction.
pub(super) struct Write<'a> {
    /// The connection, inside the transaction.
    pub(super) connection: &'a Connection,
    /// The job's one moment, in microseconds since the epoch.
    pub(super) now: i64,
    /// What it changes in the counters of queues.
    pub(super) counts: Counts,
    /// The store's settings.
    pub(super) options: &'a StoreOptions,
}

/// A handle on the writer's thread. The thread ends when the last handle is dropped.
#[derive(Debug, Clone)]
pub(super) struct Writer {
    messages: mpsc::Sender<Message>,
}

enum Message {
    Job(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start(
        mut connection: Connection,
        path: &Path,
        options: StoreOptions,
    ) -> Result<Self, StoreError> {
        let checkpoints = match &options.log {
            SqliteLog::Followed(follower) => Some(Checkpoints::begin(&mut connection, path, follower)?),
            SqliteLog::Discarded | SqliteLog::LeftAlone => None,
        };
        let (messages, inbox) = mpsc::channel(JOBS_WAITING);
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || Thread { connection, options, checkpoints }.run(inbox))
            .map_err(|error| StoreError::Unavailable(error.into()))?;
        Ok(Self { messages })
    }

    /// Runs `work` in the next transaction, and returns once that is committed.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&mut Write<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Pending { work: Some(work), outcome: None, reply });
        self.messages.send(Message::Job(job)).await.map_err(|_| failure::closed())?;
        answer.await.map_err(|_| failure::closed())?
    }

    /// Commits what was handed over, closes the connection and ends the thread.
    pub(super) async fn close(&self) {
        let (reply, answer) = oneshot::channel();
        if self.messages.send(Message::Close(reply)).await.is_ok() {
            // An error means that the thread ended before, which is what was wanted.
            let _ = answer.await;
        }
    }
}

/// A job whose answer's type is hidden.
trait Job: Send {
    /// Does the work, and says why it failed if it did. The answer waits for [`Job::reply`].
    fn run(&mut self, write: &mut Write<'_>) -> Result<(), &StoreError>;

    /// Answers: what the work said, unless the transaction failed.
    fn reply(self: Box<Self>, transaction: Result<(), StoreError>);
}

struct Pending<T, F> {
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Job for Pending<T, F>
where
    T: Send,
    F: FnOnce(&mut Write<'_>) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, write: &mut Write<'_>) -> Result<(), &StoreError> {
        let Some(work) = self.work.take() else { return Ok(()) };
        // A defect in one verb must not stop all writing: what it did is rolled back like any failure.
        let outcome = catch_unwind(AssertUnwindSafe(|| work(write)))
            .unwrap_or_else(|_| Err(StoreError::Rejected("the call panicked".into())));
        self.outcome.insert(outcome).as_ref().map(drop)
    }

    fn reply(self: Box<Self>, transaction: Result<(), StoreError>) {
        let answer = match (self.outcome, transaction) {
            // The job's own failure says more than the transaction's.
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(failure::closed()),
        };
        // Nobody listening: the caller gave up waiting. The transaction stands.
        let _ = self.reply.send(answer);
    }
}

struct Thread {
    connection: Connection,
    options: StoreOptions,
    /// Where somebody archives the log.
    checkpoints: Option<Checkpoints>,
}

impl Thread {
    fn run(mut self, mut inbox: mpsc::Receiver<Message>) {
        let mut closing = None;
        while let Some(first) = inbox.blocking_recv() {
            let mut jobs = Vec::new();
            let mut next = Some(first);
            while let Some(message) = next.take() {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close(reply) => closing = Some(reply),
                }
                if jobs.len() < JOBS_PER_COMMIT && closing.is_none() {
                    next = inbox.try_recv().ok();
                }
            }
            self.commit(jobs);
            if let Some(checkpoints) = &mut self.checkpoints {
                checkpoints.keep_short(&self.connection);
            }
            if closing.is_some() {
                break;
            }
        }
        if let Some(checkpoints) = &self.checkpoints {
            checkpoints.end(&self.connection);
        }
        // The last connection to close also moves the log into the database file, where nobody archives it.
        drop(self.connection);
        if let Some(reply) = closing {
            let _ = reply.send(());
        }
    }

    /// One transaction with all jobs; then the answers.
    fn commit(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        if jobs.is_empty() {
            return;
        }
        match self.transaction(&mut jobs) {
            Ok(()) => jobs.into_iter().for_each(|job| job.reply(Ok(()))),
            Err(error) => {
                if !self.connection.is_autocommit() {
                    // It fails only when SQLite has rolled back already.
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                let error = Arc::new(error);
                jobs.into_iter().for_each(|job| job.reply(Err(failure::shared(&error))));
            }
        }
    }

    fn transaction(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), rusqlite::Error> {
        self.execute("BEGIN IMMEDIATE")?;
        if let Some(checkpoints) = &mut self.checkpoints {
            checkpoints.look(&self.connection)?;
        }
        let mut counts = Counts::default();
        if let [job] = jobs {
            // Alone, a job needs no savepoint: it is the transaction.
            match self.run_job(job.as_mut()) {
                Ok(changed) => counts = changed,
                Err(_) => return self.execute("ROLLBACK"),
            }
        } else {
            for job in jobs {
                self.in_savepoint(job.as_mut(), &mut counts)?;
            }
        }
        counts.write(&self.connection)?;
        self.execute("COMMIT")
    }

    /// Runs a job that can be undone alone. Some errors, a full disk's among them, make SQLite roll back the
    /// whole transaction; then all its jobs have failed.
    fn in_savepoint(&self, job: &mut dyn Job, counts: &mut Counts) -> Result<(), rusqlite::Error> {
        self.execute("SAVEPOINT job")?;
        match self.run_job(job) {
            Ok(changed) => counts.merge(changed),
            Err(error) if self.connection.is_autocommit() => return Err(failure::of_another(error)),
            Err(_) => self.execute("ROLLBACK TO job")?,
        }
        self.execute("RELEASE job")
    }

    fn run_job<'j>(&self, job: &'j mut dyn Job) -> Result<Counts, &'j StoreError> {
        let mut write = Write {
            connection: &self.connection,
            now: clock::now(),
            counts: Counts::default(),
            options: &self.options,
        };
        job.run(&mut write)?;
        Ok(write.counts)
    }

    fn execute(&self, sql: &str) -> Result<(), rusqlite::Error> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer = oneshot::Receiver<Result<(), StoreError>>;

    fn thread() -> Thread {
        let connection = Connection::open_in_memory().expect("open");
        connection.execute_batch("CREATE TABLE t (n INTEGER)").expect("create");
        Thread { connection, options: StoreOptions::default(), checkpoints: None }
    }

    fn job<F>(work: F) -> (Box<dyn Job>, Answer)
    where
        F: FnOnce(&mut Write<'_>) -> Result<(), StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        (Box::new(Pending { work: Some(work), outcome: None, reply }), answer)
    }

    fn insert(write: &Write<'_>, number: i64) -> Result<(), StoreError> {
        write.connection.execute("INSERT INTO t VALUES (?1)", (number,))?;
        Ok(())
    }

    fn numbers(thread: &Thread) -> Vec<i64> {
        let mut statement = thread.connection.prepare("SELECT n FROM t ORDER BY n").expect("prepare");
        let rows = statement.query_map([], |row| row.get(0)).expect("query");
        rows.collect::<Result<_, _>>().expect("rows")
    }

    fn commit(thread: &mut Thread, jobs: Vec<(Box<dyn Job>, Answer)>) -> Vec<Result<(), StoreError>> {
        let (jobs, answers): (Vec<_>, Vec<_>) = jobs.into_iter().unzip();
        thread.commit(jobs);
        answers.into_iter().map(|mut answer| answer.try_recv().expect("an answer")).collect()
    }

    #[test]
    fn job_that_fails_or_panics_is_undone_alone() {
        let mut thread = thread();
        let answers = commit(
            &mut thread,
            vec![
                job(|write| insert(write, 1)),
                job(|write| insert(write, 2).and(Err(StoreError::Timeout))),
                job(|write| {
                    insert(write, 3)?;
                    panic!("a defect")
                }),
                job(|write| insert(write, 4)),
            ],
        );
        assert_eq!(answers.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(numbers(&thread), [1, 4]);
        let alone = commit(&mut thread, vec![job(|write| insert(write, 5).and(Err(StoreError::Timeout)))]);
        assert!(matches!(alone[..], [Err(StoreError::Timeout)]), "{alone:?}");
        assert_eq!(numbers(&thread), [1, 4]);
    }

    /// A full disk, for one, makes SQLite roll back the transaction under the jobs.
    #[test]
    fn nobody_is_told_that_a_lost_transaction_succeeded() {
        let mut thread = thread();
        let answers = commit(
            &mut thread,
            vec![
                job(|write| insert(write, 1)),
                job(|write| {
                    write.connection.execute_batch("ROLLBACK")?;
                    Err(StoreError::ReadOnly("disk full".into()))
                }),
                job(|write| insert(write, 2)),
            ],
        );
        assert!(answers.iter().all(|answer| matches!(answer, Err(StoreError::ReadOnly(_)))), "{answers:?}");
        assert!(numbers(&thread).is_empty());
        assert!(commit(&mut thread, vec![job(|write| insert(write, 3))])[0].is_ok(), "the writer goes on");
    }
}
