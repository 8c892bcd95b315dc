//! What was written down, against what the service says in the end.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::time::Duration;

use serde_json::Value;
use taskward_client::{Client, ListTasks, Queue, Task, TaskState};
use uuid::Uuid;

use super::Ledger;
use super::ledger::{Effect, End, Facts};
use crate::support::eventually;

/// Violations that are printed.
const SHOWN: usize = 20;

/// The counts of a run, and everything that was wrong.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    pub(crate) created: usize,
    pub(crate) completed: usize,
    pub(crate) missing: usize,
    pub(crate) stuck: usize,
    pub(crate) unknown: usize,
    /// Completions that were acknowledged, and are not what is there.
    completions_lost: usize,
    /// Leases that began while an earlier one of the task was sure to be held.
    two_leases: usize,
    effects: usize,
    finished: usize,
    done_more_than_once: usize,
    abandoned: usize,
    leases_lost: usize,
    crashes: u64,
    acknowledged_completions: usize,
    repeated_calls: usize,
    violations: Vec<String>,
}

impl Audit {
    /// Waits until `queues` hold no unfinished task.
    pub(crate) async fn drained(client: &Client, queues: &[String], limit: Duration) {
        eventually("the queues are empty", limit, async || {
            let known = client.queues().await.ok()?;
            let empty = |queue: &Queue| queue.depth.unfinished() == 0 || !queues.contains(&queue.name);
            known.iter().all(empty).then_some(())
        })
        .await;
    }

    /// Compares the ledger with all tasks of `queues`, which are drained.
    pub(crate) async fn of(client: &Client, ledger: &Ledger, queues: &[String]) -> Self {
        let facts = ledger.snapshot();
        let mut audit = Self {
            created: facts.created.len(),
            effects: facts.effects.len(),
            finished: facts.effects.iter().filter(|effect| effect.finished).count(),
            abandoned: count(&facts, End::Abandoned),
            leases_lost: count(&facts, End::LeaseLost),
            acknowledged_completions: facts.completions.len(),
            repeated_calls: facts.outages,
            violations: facts.violations.clone(),
            ..Self::default()
        };
        let mut tasks = HashMap::new();
        for queue in queues {
            tasks.extend(list(client, queue, None).await.into_iter().map(|task| (task.id, task)));
        }
        audit.check_presence(&facts, &tasks);
        audit.check_tasks(&facts, &tasks);
        audit.check_leases(&facts);
        audit.check_counters(client, queues, tasks.values()).await;
        audit
    }

    /// Exactly the tasks that were acknowledged are there, and only they were worked on.
    fn check_presence(&mut self, facts: &Facts, tasks: &HashMap<Uuid, Task>) {
        let acknowledged: HashSet<Uuid> = facts.created.values().copied().collect();
        for (key, id) in &facts.created {
            if !tasks.contains_key(id) {
                self.missing += 1;
                self.violations.push(format!("{id}, acknowledged for {key}, is missing"));
            }
        }
        for id in tasks.keys().filter(|id| !acknowledged.contains(id)) {
            self.unknown += 1;
            self.violations.push(format!("{id} is there, and nobody was told of it"));
        }
        for effect in facts.effects.iter().filter(|effect| !acknowledged.contains(&effect.task)) {
            self.violations.push(format!("an effect of a task nobody created: {effect:?}"));
        }
    }

    /// Every task is completed once, by an attempt that had done the work, with that attempt's result; and
    /// what was acknowledged is what is there.
    fn check_tasks(&mut self, facts: &Facts, tasks: &HashMap<Uuid, Task>) {
        let mut finished: HashMap<Uuid, usize> = HashMap::new();
        for effect in facts.effects.iter().filter(|effect| effect.finished) {
            *finished.entry(effect.task).or_default() += 1;
        }
        self.done_more_than_once = finished.values().filter(|count| **count > 1).count();
        for task in tasks.values() {
            self.crashes += u64::from(task.crashes);
            if task.state != TaskState::Completed {
                self.stuck += 1;
                self.violations.push(format!("{} is {}: {task:?}", task.id, task.state.as_str()));
                continue;
            }
            self.completed += 1;
            let result = result_of(task);
            let by = result["effect"].as_u64().and_then(|number| facts.effects.get(number as usize));
            if !by.is_some_and(|effect| effect.task == task.id && effect.finished) {
                self.violations.push(format!("{} has a result of no finished effect: {result}", task.id));
            }
            if let Some(completion) = facts.completions.get(&task.id)
                && completion.result != result
            {
                self.completions_lost += 1;
                self.violations.push(format!("{} lost {completion:?} to {result}", task.id));
            }
        }
    }

    /// Leases of a task are handed out once each, in growing numbers, and never two at a time.
    fn check_leases(&mut self, facts: &Facts) {
        let mut by_task: HashMap<Uuid, Vec<&Effect>> = HashMap::new();
        for effect in &facts.effects {
            by_task.entry(effect.task).or_default().push(effect);
        }
        for effects in by_task.values_mut() {
            effects.sort_by_key(|effect| effect.lease);
            for pair in effects.windows(2) {
                let [earlier, later] = pair else { continue };
                if earlier.lease == later.lease {
                    self.two_leases += 1;
                    self.violations.push(format!("one lease, held twice: {earlier:?} and {later:?}"));
                } else if later.began < earlier.sure_until {
                    self.two_leases += 1;
                    self.violations.push(format!("two live leases: {earlier:?} and {later:?}"));
                }
            }
        }
    }

    /// The counters of the queues say what is there.
    async fn check_counters(
        &mut self,
        client: &Client,
        queues: &[String],
        tasks: impl Iterator<Item = &Task>,
    ) {
        let mut there: BTreeMap<&str, u64> = BTreeMap::new();
        for task in tasks {
            *there.entry(task.queue.as_str()).or_default() += 1;
        }
        for queue in client.queues().await.expect("the queues") {
            if !queues.contains(&queue.name) {
                continue;
            }
            let tasks = there.get(queue.name.as_str()).copied().unwrap_or(0);
            let totals = queue.totals;
            let exact = totals.created == tasks && totals.completed == tasks;
            if !exact || queue.depth.unfinished() + totals.cancelled + totals.dead > 0 {
                self.violations.push(format!("{tasks} completed tasks are there, but {queue:?}"));
            }
        }
    }

    /// Prints the counts, and fails when anything was wrong.
    pub(crate) fn assert_clean(&self, title: &str) {
        eprintln!("{title}: {self}");
        let shown = self.violations.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n  ");
        assert!(self.violations.is_empty(), "{title}: {} violations:\n  {shown}", self.violations.len());
        assert_eq!((self.created, self.missing, self.stuck, self.unknown), (self.completed, 0, 0, 0));
    }
}

impl fmt::Display for Audit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} tasks acknowledged, {} completed once each, {} missing, {} stuck, {} unknown, {} under two live leases; \
             {} completions acknowledged, {} lost; {} effects begun, {} finished, {} tasks done more than once, {} \
             attempts abandoned, {} leases lost, {} crashes counted; {} calls repeated; {} violations",
            self.created,
            self.completed,
            self.missing,
            self.stuck,
            self.unknown,
            self.two_leases,
            self.acknowledged_completions,
            self.completions_lost,
            self.effects,
            self.finished,
            self.done_more_than_once,
            self.abandoned,
            self.leases_lost,
            self.crashes,
            self.repeated_calls,
            self.violations.len()
        )
    }
}

/// All tasks of a queue.
pub(crate) async fn list(client: &Client, queue: &str, state: Option<TaskState>) -> Vec<Task> {
    let mut tasks = Vec::new();
    let mut page =
        ListTasks { queue: Some(queue.to_owned()), state, limit: Some(1_000), ..Default::default() };
    loop {
        let answer = client.tasks(&page).await.expect("a page of tasks");
        tasks.extend(answer.tasks);
        if answer.next_cursor.is_none() {
            return tasks;
        }
        page.cursor = answer.next_cursor;
    }
}

/// A task's result as a value; null when there is none.
pub(crate) fn result_of(task: &Task) -> Value {
    task.result.as_ref().map_or(Value::Null, |json| serde_json::from_str(json.get()).expect("JSON"))
}

fn count(facts: &Facts, end: End) -> usize {
    facts.effects.iter().filter(|effect| effect.end == end).count()
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    fn effect(task: Uuid, lease: i64, from: u64, to: u64) -> Effect {
        let start = Instant::now();
        Effect {
            task,
            lease,
            worker: "w".to_owned(),
            began: start + Duration::from_secs(from),
            sure_until: start + Duration::from_secs(to),
            finished: true,
            end: End::Completed,
        }
    }

    fn violations(effects: Vec<Effect>) -> Vec<String> {
        let mut audit = Audit::default();
        audit.check_leases(&Facts { effects, ..Facts::default() });
        audit.violations
    }

    #[test]
    fn an_audit_sees_two_live_leases() {
        let (task, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let later = vec![effect(task, 2, 50, 60), effect(task, 1, 10, 20), effect(other, 1, 10, 60)];
        assert_eq!(violations(later), [""; 0]);
        let both = violations(vec![effect(task, 1, 10, 30), effect(task, 2, 20, 40)]);
        assert!(both.len() == 1 && both[0].starts_with("two live leases"), "{both:?}");
        let backwards = violations(vec![effect(task, 2, 10, 20), effect(task, 1, 30, 40)]);
        assert!(backwards.len() == 1 && backwards[0].starts_with("two live leases"), "{backwards:?}");
        let twice = violations(vec![effect(task, 1, 10, 20), effect(task, 1, 30, 40)]);
        assert!(twice.len() == 1 && twice[0].starts_with("one lease, held twice"), "{twice:?}");
    }

    #[test]
    fn an_audit_sees_what_is_missing() {
        let id = Uuid::from_u128(1);
        let facts = Facts { created: HashMap::from([("key".to_owned(), id)]), ..Facts::default() };
        let mut audit = Audit::default();
        audit.check_presence(&facts, &HashMap::new());
        assert_eq!((audit.missing, audit.violations.len()), (1, 1));
        let strange = Facts { effects: vec![effect(id, 1, 0, 1)], ..Facts::default() };
        let mut audit = Audit::default();
        audit.check_presence(&strange, &HashMap::new());
        assert_eq!(audit.violations.len(), 1, "an effect of an unknown task");
    }
}
