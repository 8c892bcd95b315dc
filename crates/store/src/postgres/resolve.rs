//! Decides what the items of a keyed batch get, as if they had been sent one after the other.

use std::collections::{HashMap, HashSet};

use taskward_core::{NewTask, OnConflict, Task, TaskId, Timestamp};

use super::shapes::created;
use crate::{EnqueueError, Enqueued, Origin};

/// Queue, kind and key.
type UniqueName = (String, String, String);

/// What the database knows about the keys of a batch.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// Requests that were made before, by their idempotency key, and the task each one got.
    pub(super) requests: HashMap<String, ([u8; 32], Task)>,
    /// Idempotency keys that were free, and the task for which each was taken.
    pub(super) taken: HashMap<String, ([u8; 32], TaskId)>,
    /// Unfinished tasks that have one of the unique keys.
    pub(super) holders: HashMap<UniqueName, Task>,
}

/// The task an item gets.
#[derive(Debug, Clone, Copy)]
enum Got<'a> {
    /// One that was there before.
    Stored(&'a Task),
    /// The one that this item of the batch creates.
    Item(usize),
}

/// What becomes of an item.
#[derive(Debug, Clone, Copy)]
enum Resolution<'a> {
    Create,
    Existing(Got<'a>, Origin),
    Refused(EnqueueError),
}

/// What becomes of all items.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    tasks: &'a [NewTask],
    items: Vec<Resolution<'a>>,
    /// Idempotency keys that stand for something new, and what.
    recorded: HashMap<&'a str, ([u8; 32], TaskId)>,
    facts: &'a Facts,
}

/// Idempotency keys to be changed: keys, fingerprints, tasks.
pub(super) type KeptKeys<'a> = (Vec<&'a str>, Vec<&'a [u8]>, Vec<uuid::Uuid>);

impl Facts {
    /// Notes an unfinished task with a unique key.
    pub(super) fn add_holder(&mut self, task: Task) {
        if let Some(unique) = &task.unique {
            let name = (task.queue.clone(), task.kind.clone(), unique.key.clone());
            self.holders.insert(name, task);
        }
    }
}

/// Decides, item by item.
pub(super) fn resolve<'a>(tasks: &'a [NewTask], facts: &'a Facts) -> Plan<'a> {
    let mut plan = Plan { tasks, items: Vec::with_capacity(tasks.len()), recorded: HashMap::new(), facts };
    let mut requests: HashMap<&str, ([u8; 32], Got<'_>)> = facts
        .requests
        .iter()
        .map(|(key, (print, task))| (key.as_str(), (*print, Got::Stored(task))))
        .collect();
    let mut holders: HashMap<(&str, &str, &str), Got<'_>> =
        facts.holders.iter().map(|((q, k, key), task)| ((&**q, &**k, &**key), Got::Stored(task))).collect();
    for (position, task) in tasks.iter().enumerate() {
        let name = task.unique.as_ref().map(|unique| (&*task.queue, &*task.kind, &*unique.key));
        let request = task.idempotency.as_ref().and_then(|request| requests.get(request.key.as_str()));
        let holder = name.and_then(|name| holders.get(&name));
        let (resolution, got) = plan.resolve_one(position, request.copied(), holder.copied());
        if let (Some(got), Some(request)) = (got, &task.idempotency) {
            requests.insert(&request.key, (request.fingerprint, got));
            plan.recorded.insert(&request.key, (request.fingerprint, plan.id(got)));
        }
        if let (Resolution::Create, Some(name)) = (resolution, name) {
            holders.insert(name, Got::Item(position));
        }
        plan.items.push(resolution);
    }
    plan
}

impl<'a> Plan<'a> {
    /// What becomes of an item, and the task its request stands for from now on, if that is news.
    fn resolve_one(
        &self,
        position: usize,
        request: Option<([u8; 32], Got<'a>)>,
        holder: Option<Got<'a>>,
    ) -> (Resolution<'a>, Option<Got<'a>>) {
        let task = &self.tasks[position];
        if let (Some((fingerprint, got)), Some(wanted)) = (request, &task.idempotency) {
            return if fingerprint == wanted.fingerprint {
                (Resolution::Existing(got, Origin::Replayed), None)
            } else {
                (Resolution::Refused(EnqueueError::IdempotencyKeyReused), None)
            };
        }
        match (holder, &task.unique) {
            (Some(got), Some(unique)) if unique.on_conflict == OnConflict::ReturnExisting => {
                (Resolution::Existing(got, Origin::Duplicate), Some(got))
            }
            (Some(got), Some(_)) => {
                (Resolution::Refused(EnqueueError::UniqueConflict { existing: self.id(got) }), None)
            }
            _ => (Resolution::Create, Some(Got::Item(position))),
        }
    }

    /// Whether an item is refused.
    pub(super) fn is_refused(&self) -> bool {
        self.items.iter().any(|item| matches!(item, Resolution::Refused(_)))
    }

    /// The tasks to be created.
    pub(super) fn created(&self) -> impl Iterator<Item = &'a NewTask> {
        let creates = |(item, task): (&Resolution<'_>, _)| matches!(item, Resolution::Create).then_some(task);
        self.items.iter().zip(self.tasks).filter_map(creates)
    }

    /// Keys that do not yet say in the database what they stand for.
    pub(super) fn kept_keys(&self) -> KeptKeys<'_> {
        let mut kept = KeptKeys::default();
        for (key, (fingerprint, id)) in &self.recorded {
            if self.facts.taken.get(*key) != Some(&(*fingerprint, *id)) {
                kept.0.push(key);
                kept.1.push(fingerprint);
                kept.2.push(id.0);
            }
        }
        kept
    }

    /// Keys that were taken for nothing.
    pub(super) fn unused_keys(&self) -> Vec<&str> {
        let used: HashSet<&str> = self.recorded.keys().copied().collect();
        self.facts.taken.keys().map(String::as_str).filter(|key| !used.contains(key)).collect()
    }

    /// The answers when a refusal refuses all.
    pub(super) fn aborted(&self) -> Vec<Result<Enqueued, EnqueueError>> {
        let answer = |item: &Resolution<'_>| match item {
            Resolution::Refused(error) => Err(*error),
            _ => Err(EnqueueError::Aborted),
        };
        self.items.iter().map(answer).collect()
    }

    /// The answers, after the new tasks were inserted at `now`.
    pub(super) fn answers(&self, now: Timestamp) -> Vec<Result<Enqueued, EnqueueError>> {
        let answer = |(position, item): (usize, &Resolution<'_>)| match item {
            Resolution::Create => {
                Ok(Enqueued { task: self.task(Got::Item(position), now), origin: Origin::Created })
            }
            Resolution::Existing(got, origin) => Ok(Enqueued { task: self.task(*got, now), origin: *origin }),
            Resolution::Refused(error) => Err(*error),
        };
        self.items.iter().enumerate().map(answer).collect()
    }

    fn id(&self, got: Got<'_>) -> TaskId {
        match got {
            Got::Stored(task) => task.id,
            Got::Item(position) => self.tasks[position].id,
        }
    }

    fn task(&self, got: Got<'_>, now: Timestamp) -> Task {
        match got {
            Got::Stored(task) => task.clone(),
            Got::Item(position) => created(self.tasks[position].clone(), now),
        }
    }
}
