//! From waiting workers to one store call.
//!
//! A single task holds every claim that waits. It asks the store for new claims and for those whose queue
//! was woken, many at a time; what arrives meanwhile waits for the next call. Wake-ups are remembered until
//! they have been looked at, so a task that becomes available during a call is not missed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskward_core::Task;
use taskward_store::{ClaimDemand, Settlement, SettlementOutcome, Store};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::Instant;

use super::coalescer::Coalescer;
use super::{EngineError, Settle};
use crate::mode::{Mode, ModeSwitch};
use crate::telemetry::metrics::BatchMetrics;

/// Claims served by one store call.
const DEMANDS_MAX: usize = 256;
/// Tasks handed out by one store call.
const TASKS_MAX: usize = 1_000;
/// A claim that waits for less gets a look of its own.
const TRUSTED: Duration = Duration::from_secs(1);
/// Combinations of queues and kinds that are remembered as empty.
const EMPTY_MAX: usize = 1_000;

/// A claim, and who waits for it.
pub(super) struct Parked {
    pub(super) demand: ClaimDemand,
    deadline: Instant,
    reply: oneshot::Sender<Result<Vec<Task>, EngineError>>,
}

/// Claims that wait, and the news they wait for.
#[derive(Default)]
struct Waiting {
    /// Claims that found nothing, oldest first.
    parked: VecDeque<Parked>,
    /// Whether every claim is to look again.
    all_woken: bool,
    /// Queues with news since the dispatcher last looked.
    woken: HashSet<String>,
}

/// What the dispatcher and its handles share.
#[derive(Clone)]
struct Shared {
    waiting: Arc<Mutex<Waiting>>,
    bell: Arc<Notify>,
    settles: Coalescer<Settle>,
}

/// The dispatcher's handle. Clones talk to the same dispatcher.
#[derive(Clone)]
pub(crate) struct Dispatcher {
    claims: mpsc::UnboundedSender<Parked>,
    shared: Shared,
    others: Arc<Notify>,
}

impl Dispatcher {
    /// Starts the dispatcher; claims that wait look for themselves every `poll`. It ends when the last handle
    /// is dropped.
    pub(super) fn start(
        store: Arc<dyn Store>,
        settles: Coalescer<Settle>,
        mode: ModeSwitch,
        poll: Duration,
    ) -> Self {
        let (claims, inbox) = mpsc::unbounded_channel();
        let shared = Shared { waiting: Arc::default(), bell: Arc::default(), settles };
        let dispatch = Dispatch {
            store,
            mode,
            shared: shared.clone(),
            fresh: VecDeque::new(),
            empty: HashSet::new(),
            poll,
            poll_at: Instant::now() + poll,
            metrics: BatchMetrics::of("claim"),
        };
        tokio::spawn(dispatch.run(inbox));
        Self { claims, shared, others: Arc::default() }
    }

    /// Claims tasks, waiting up to `wait` for the first one.
    pub(crate) async fn claim(&self, demand: ClaimDemand, wait: Duration) -> Result<Vec<Task>, EngineError> {
        let (reply, answer) = oneshot::channel();
        let parked = Parked { demand, deadline: Instant::now() + wait, reply };
        self.claims.send(parked).map_err(|_| EngineError::Draining)?;
        answer.await.map_err(|_| EngineError::Draining)?
    }

    /// Notes that tasks of these queues became available, for claims that wait here and for other instances.
    pub(super) fn wake<'a>(&self, queues: impl IntoIterator<Item = &'a str>) {
        let mut queues = queues.into_iter().peekable();
        if queues.peek().is_none() {
            return;
        }
        let mut waiting = self.shared.waiting();
        let mut last = None;
        for queue in queues {
            // The tasks of a batch mostly share a queue.
            if last.replace(queue) != Some(queue) && !waiting.woken.contains(queue) {
                waiting.woken.insert(queue.to_owned());
            }
        }
        drop(waiting);
        self.shared.bell.notify_one();
        self.others.notify_one();
    }

    /// Rung when tasks became available here, for other instances to be told.
    pub(super) fn others_alarm(&self) -> &Notify {
        &self.others
    }

    /// Has every waiting claim look again.
    pub(crate) fn wake_all(&self) {
        self.shared.waiting().all_woken = true;
        self.shared.bell.notify_one();
    }

    /// How many claims wait for tasks of each queue.
    pub(super) fn waiting(&self) -> HashMap<String, usize> {
        let mut claims: HashMap<String, usize> = HashMap::new();
        for claim in self.shared.waiting().parked.iter().filter(|claim| !claim.reply.is_closed()) {
            for queue in &claim.demand.queues {
                *claims.entry(queue.clone()).or_default() += 1;
            }
        }
        claims
    }

    /// Takes the claims that wait for such tasks, given as queue and kind, the longest waiting first and no
    /// more than there are tasks for. They name the same queues and kinds, so that one statement serves them.
    /// Each is to be given to [`Self::hand_over`].
    pub(super) fn lend<'a>(&self, tasks: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<Parked> {
        let mut lent: Vec<Parked> = Vec::new();
        let mut room = 0;
        let mut waiting = self.shared.waiting();
        for (queue, kind) in tasks {
            if room > 0 {
                room -= 1;
                continue;
            }
            let Some(at) = waiting.parked.iter().position(|claim| {
                claim.demand.wants(queue, kind)
                    && !claim.reply.is_closed()
                    && lent.first().is_none_or(|first| first.demand.wants_the_same(&claim.demand))
            }) else {
                break;
            };
            let claim = waiting.parked.remove(at);
            room = claim.as_ref().map_or(0, |claim| claim.demand.max.saturating_sub(1));
            lent.extend(claim);
        }
        lent
    }

    /// Gives tasks to a claim that was lent. One that got nothing looks for itself, since news that came
    /// meanwhile did not reach it.
    pub(super) fn hand_over(&self, claim: Parked, tasks: Vec<Task>) {
        if tasks.is_empty() {
            // The dispatcher outlives its handles.
            let _ = self.claims.send(claim);
        } else {
            self.shared.reply(claim, tasks);
        }
    }
}

impl Shared {
    /// Nobody panics while holding the lock, so what is behind a poisoned one is whole.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reply(&self, claim: Parked, tasks: Vec<Task>) {
        if let Err(Ok(unwanted)) = claim.reply.send(Ok(tasks)) {
            self.release(unwanted);
        }
    }

    /// Gives tasks back that were claimed for somebody who has hung up.
    fn release(&self, tasks: Vec<Task>) {
        if tasks.is_empty() {
            return;
        }
        let queues: Vec<String> = tasks.iter().map(|task| task.queue.clone()).collect();
        let reports = tasks
            .iter()
            .map(|task| Settlement { id: task.id, lease: task.lease, outcome: SettlementOutcome::Released })
            .collect();
        let shared = self.clone();
        tokio::spawn(async move {
            // If this fails, the leases expire.
            if shared.settles.submit(reports).await.is_ok() {
                shared.waiting().woken.extend(queues);
                shared.bell.notify_one();
            }
        });
    }
}

struct Dispatch {
    store: Arc<dyn Store>,
    mode: ModeSwitch,
    shared: Shared,
    /// Claims to ask the store for, oldest first.
    fresh: VecDeque<Parked>,
    /// What was found to be empty, and has had no news since.
    empty: HashSet<Wanted>,
    poll: Duration,
    poll_at: Instant,
    metrics: BatchMetrics,
}

/// The queues and kinds that a claim names.
type Wanted = (Vec<String>, Vec<String>);

impl Dispatch {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Parked>) {
        let (mut draining, mut read_only) = (false, false);
        loop {
            if self.fresh.is_empty() {
                let next = self.next_deadline();
                let mode = self.mode.clone();
                tokio::select! {
                    claim = inbox.recv() => match claim {
                        Some(claim) => self.fresh.push_back(claim),
                        None => return,
                    },
                    () = self.shared.bell.notified() => {}
                    () = tokio::time::sleep_until(next) => {}
                    () = mode.draining(), if !draining => draining = true,
                    () = mode.read_only_begins(), if !read_only => {}
                }
            }
            while let Ok(claim) = inbox.try_recv() {
                self.fresh.push_back(claim);
            }
            if self.mode.current() == Mode::Draining {
                self.dismiss();
                continue;
            }
            let cause = self.mode.read_only();
            read_only = cause.is_some();
            if let Some(cause) = cause {
                self.refuse(&EngineError::ReadOnly(cause));
                continue;
            }
            self.unpark();
            self.serve().await;
            self.give_up_overdue();
        }
    }

    /// The next moment at which something is to be done without news: a poll or the end of a wait.
    fn next_deadline(&self) -> Instant {
        let far = Instant::now() + Duration::from_secs(3600);
        let waiting = self.shared.waiting();
        let poll = if waiting.parked.is_empty() { far } else { self.poll_at };
        waiting.parked.iter().map(|claim| claim.deadline).min().unwrap_or(far).min(poll)
    }

    /// Brings claims back whose queues were woken; all of them when it is time to poll.
    fn unpark(&mut self) {
        let now = Instant::now();
        let poll = now >= self.poll_at;
        if poll {
            // Instances that poll together would meet at the same rows.
            self.poll_at = now + self.poll.mul_f64(0.9 + 0.2 * fastrand::f64());
        }
        let mut waiting = self.shared.waiting();
        let all = std::mem::take(&mut waiting.all_woken) || poll;
        let woken = std::mem::take(&mut waiting.woken);
        if !all && woken.is_empty() {
            return;
        }
        self.empty.retain(|(queues, _)| !all && !queues.iter().any(|queue| woken.contains(queue)));
        let concerned = |claim: &Parked| all || claim.demand.queues.iter().any(|queue| woken.contains(queue));
        let (back, still): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut waiting.parked).into_iter().partition(concerned);
        waiting.parked = still;
        drop(waiting);
        // Those that have waited longest come first.
        let newcomers = std::mem::replace(&mut self.fresh, back);
        self.fresh.extend(newcomers);
    }

    /// One store call for as many claims as it may serve.
    async fn serve(&mut self) {
        let mut claims = Vec::new();
        let mut wanted = 0;
        while claims.len() < DEMANDS_MAX && wanted < TASKS_MAX {
            let Some(claim) = self.fresh.pop_front() else { break };
            if claim.reply.is_closed() {
                continue;
            }
            if self.has_nothing_for(&claim) {
                self.shared.waiting().parked.push_back(claim);
            } else {
                wanted += claim.demand.max;
                claims.push(claim);
            }
        }
        if claims.is_empty() {
            return;
        }
        let demands = claims.iter().map(|claim| claim.demand.clone()).collect();
        let begun = Instant::now();
        let claimed = self.store.claim(demands).await;
        self.metrics.ended(claims.len(), begun.elapsed());
        match claimed {
            Ok(results) => {
                for (claim, tasks) in claims.into_iter().zip(results) {
                    if tasks.len() < claim.demand.max && self.empty.len() < EMPTY_MAX {
                        self.empty.insert(wanted_by(&claim));
                    }
                    self.hand_over(claim, tasks);
                }
            }
            Err(error) => {
                if error.is_transient() {
                    self.mode.suspect();
                }
                let error = Arc::new(error);
                for claim in claims {
                    let _ = claim.reply.send(Err(EngineError::Store(Arc::clone(&error))));
                }
            }
        }
    }

    /// Whether the store need not be asked: it had nothing more, and there has been no news since. A claim that
    /// does not wait for long gets a look of its own, and one that waits at the latest with the next poll.
    fn has_nothing_for(&self, claim: &Parked) -> bool {
        !self.empty.is_empty()
            && claim.deadline > Instant::now() + TRUSTED
            && self.empty.contains(&wanted_by(claim))
    }

    fn hand_over(&self, claim: Parked, tasks: Vec<Task>) {
        if tasks.is_empty() && Instant::now() < claim.deadline {
            self.shared.waiting().parked.push_back(claim);
        } else {
            self.shared.reply(claim, tasks);
        }
    }

    fn give_up_overdue(&self) {
        let now = Instant::now();
        let mut waiting = self.shared.waiting();
        let (overdue, still): (VecDeque<_>, VecDeque<_>) = std::mem::take(&mut waiting.parked)
            .into_iter()
            .filter(|claim| !claim.reply.is_closed())
            .partition(|claim| claim.deadline <= now);
        waiting.parked = still;
        drop(waiting);
        for claim in overdue {
            let _ = claim.reply.send(Ok(Vec::new()));
        }
    }

    /// Nobody can be given anything for now. Whoever waits should know, and ask again.
    fn refuse(&mut self, error: &EngineError) {
        let parked = std::mem::take(&mut self.shared.waiting().parked);
        for claim in parked.into_iter().chain(self.fresh.drain(..)) {
            let _ = claim.reply.send(Err(error.clone()));
        }
        self.empty.clear();
    }

    /// A drain: those that wait get nothing, those that come are refused.
    fn dismiss(&mut self) {
        for claim in self.shared.waiting().parked.drain(..) {
            let _ = claim.reply.send(Ok(Vec::new()));
        }
        for claim in self.fresh.drain(..) {
            let _ = claim.reply.send(Err(EngineError::Draining));
        }
    }
}

fn wanted_by(claim: &Parked) -> Wanted {
    (claim.demand.queues.clone(), claim.demand.kinds.clone())
}
