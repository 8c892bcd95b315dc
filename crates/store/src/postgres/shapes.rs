//! A batch of new tasks as the parameters of `enqueue.sql`.

use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::Duration;

use deadpool_postgres::Transaction;
use taskward_core::{NewTask, Schedule, Task, Timestamp};
use tokio_postgres::Row;
use uuid::Uuid;

use super::connection::query_in;
use super::rows;
use crate::StoreError;

const SQL: &str = include_str!("enqueue.sql");

/// The insert for tasks without unique keys. A row that might conflict is inserted tentatively and confirmed by
/// a second log record; that costs a tenth of the insert.
pub(super) static SQL_WITHOUT_KEYS: LazyLock<String> = LazyLock::new(|| {
    SQL.replace("ON CONFLICT (queue, kind, unique_key) WHERE unique_key IS NOT NULL DO NOTHING", "")
});

/// What tasks of a batch have in common. Numbers with fractions are compared by their bits.
type Shape<'a> = (&'a str, &'a str, u8, Duration, u32, Duration, u64, Duration, u64, Option<&'static str>);

/// The columns of a batch.
#[derive(Debug, Default)]
pub(super) struct Columns<'a> {
    ids: Vec<Uuid>,
    payloads: Vec<&'a str>,
    shapes: Vec<i32>,
    at: Vec<Option<Timestamp>>,
    delays: Vec<i64>,
    unique_keys: Vec<Option<&'a str>>,
    tags: Vec<Option<String>>,
    metadata: Vec<Option<&'a str>>,
    /// Empty as long as no task has one.
    trace_contexts: Vec<Option<&'a str>>,
    kinds: Vec<&'a str>,
    queues: Vec<&'a str>,
    priorities: Vec<i16>,
    timeouts: Vec<i64>,
    attempts: Vec<i32>,
    initials: Vec<i64>,
    factors: Vec<f64>,
    maxima: Vec<i64>,
    jitters: Vec<f64>,
    policies: Vec<Option<&'static str>>,
}

/// What an insert says: how many tasks it made, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inserted {
    pub(super) count: usize,
    pub(super) now: Timestamp,
}

/// Inserts tasks in a transaction that goes on. Those whose unique key is taken are left out.
pub(super) async fn insert_in(
    transaction: &Transaction<'_>,
    tasks: &[&NewTask],
) -> Result<Inserted, StoreError> {
    let columns = Columns::of(tasks.iter().copied());
    inserted(&query_in(transaction, SQL, &columns.params()).await?)
}

/// Reads what an insert said.
pub(super) fn inserted(found: &[Row]) -> Result<Inserted, StoreError> {
    let row = found.first().ok_or_else(|| super::error::corrupt("an insert without an answer"))?;
    let count = usize::try_from(row.try_get::<_, i64>(0)?).unwrap_or(0);
    Ok(Inserted { count, now: row.try_get(1)? })
}

impl<'a> Columns<'a> {
    pub(super) fn of(tasks: impl Iterator<Item = &'a NewTask>) -> Self {
        let mut columns = Self::default();
        let mut known = HashMap::new();
        for task in tasks {
            let shape = *known.entry(shape(task)).or_insert_with(|| columns.add_shape(task));
            let (at, delay) = when(task.schedule);
            columns.ids.push(task.id.0);
            columns.payloads.push(task.payload.get());
            columns.shapes.push(shape);
            columns.at.push(at);
            columns.delays.push(rows::micros(delay));
            columns.unique_keys.push(task.unique.as_ref().map(|unique| unique.key.as_str()));
            columns.tags.push(array_literal(&task.tags));
            columns.metadata.push(task.metadata.as_ref().map(|json| json.get()));
            if let Some(context) = &task.trace_context {
                // One entry for each task before this one; those behind the last entry are NULL anyway.
                columns.trace_contexts.resize(columns.ids.len() - 1, None);
                columns.trace_contexts.push(Some(context.as_str()));
            }
        }
        columns
    }

    /// Adds a shape and returns its number; PostgreSQL counts from 1.
    fn add_shape(&mut self, task: &'a NewTask) -> i32 {
        self.kinds.push(&task.kind);
        self.queues.push(&task.queue);
        self.priorities.push(i16::from(task.priority));
        self.timeouts.push(rows::to_millis(task.timeout));
        self.attempts.push(i32::try_from(task.max_attempts).unwrap_or(i32::MAX));
        self.initials.push(rows::to_millis(task.retry.initial));
        self.factors.push(task.retry.factor);
        self.maxima.push(rows::to_millis(task.retry.max));
        self.jitters.push(task.retry.jitter);
        self.policies.push(policy(task));
        i32::try_from(self.kinds.len()).unwrap_or(i32::MAX)
    }

    pub(super) fn params(&self) -> [&(dyn tokio_postgres::types::ToSql + Sync); 19] {
        [
            &self.ids,
            &self.payloads,
            &self.shapes,
            &self.at,
            &self.delays,
            &self.unique_keys,
            &self.tags,
            &self.metadata,
            &self.kinds,
            &self.queues,
            &self.priorities,
            &self.timeouts,
            &self.attempts,
            &self.initials,
            &self.factors,
            &self.maxima,
            &self.jitters,
            &self.policies,
            &self.trace_contexts,
        ]
    }
}

fn shape(task: &NewTask) -> Shape<'_> {
    (
        &task.kind,
        &task.queue,
        task.priority,
        task.timeout,
        task.max_attempts,
        task.retry.initial,
        task.retry.factor.to_bits(),
        task.retry.max,
        task.retry.jitter.to_bits(),
        policy(task),
    )
}

fn policy(task: &NewTask) -> Option<&'static str> {
    task.unique.as_ref().map(|unique| rows::on_conflict_name(unique.on_conflict))
}

fn when(schedule: Schedule) -> (Option<Timestamp>, Duration) {
    match schedule {
        Schedule::Now => (None, Duration::ZERO),
        Schedule::In(delay) => (None, delay),
        Schedule::At(moment) => (Some(moment), Duration::ZERO),
    }
}

/// A text array as PostgreSQL writes it: an array of arrays cannot be a parameter.
pub(super) fn array_literal(texts: &[String]) -> Option<String> {
    if texts.is_empty() {
        return None;
    }
    let quoted: Vec<String> =
        texts.iter().map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))).collect();
    Some(format!("{{{}}}", quoted.join(",")))
}

/// The task that an insert at `now` made. What the database computed is computed again here, instead of
/// sending every row back: moments are whole microseconds on both sides.
pub(super) fn created(new: NewTask, now: Timestamp) -> Task {
    let run_at = match new.schedule {
        Schedule::Now => now,
        Schedule::In(delay) => rows::after(now, rows::micros(delay)),
        Schedule::At(moment) => whole_micros(moment).max(now),
    };
    new.into_task(run_at, now)
}

/// As the driver writes it: truncated, not rounded.
fn whole_micros(moment: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(moment.as_microsecond()).unwrap_or(moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn array_literals_quote_everything() {
        let texts = ["a".to_owned(), "b\"c\\,{}".to_owned(), String::new()];
        assert_eq!(array_literal(&texts).as_deref(), Some("{\"a\",\"b\\\"c\\\\,{}\",\"\"}"));
        assert_eq!(array_literal(&[]), None);
    }
}
