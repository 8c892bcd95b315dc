//! Creates tasks.

use deadpool_postgres::Transaction;
use taskward_core::{NewTask, TaskId, Timestamp};
use uuid::Uuid;

use super::connection::{Pool, TRIES, begin, commit, query, query_in, retried, take};
use super::error::corrupt;
use super::resolve::{Facts, Plan, resolve};
use super::shapes::{Columns, Inserted, SQL_WITHOUT_KEYS, created, insert_in, inserted};
use super::{get, rows};
use crate::{EnqueueError, EnqueueMode, Enqueued, IdempotencyHit, Origin, StoreError, StoreOptions};

type Answer = Result<Enqueued, EnqueueError>;

/// Creates tasks. Without unique and idempotency keys nothing can be refused, and a batch is one
/// statement; with them it is a transaction.
pub(super) async fn enqueue(
    pool: &Pool,
    options: &StoreOptions,
    tasks: Vec<NewTask>,
    mode: EnqueueMode,
) -> Result<Vec<Answer>, StoreError> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    if any_keyed(&tasks) {
        return enqueue_keyed(pool, options, tasks, mode).await;
    }
    let found = query(pool, &SQL_WITHOUT_KEYS, &Columns::of(tasks.iter()).params()).await?;
    Ok(all_created(tasks, inserted(&found)?))
}

/// Whether a key may refuse a task, or stand for another.
pub(super) fn any_keyed(tasks: &[NewTask]) -> bool {
    tasks.iter().any(|task| task.unique.is_some() || task.idempotency.is_some())
}

/// The answers to tasks without keys.
pub(super) fn all_created(tasks: Vec<NewTask>, inserted: Inserted) -> Vec<Answer> {
    let enqueued = |task| Ok(Enqueued { task: created(task, inserted.now), origin: Origin::Created });
    tasks.into_iter().map(enqueued).collect()
}

/// Another transaction may take a unique key between the look for it and the insert, which then waits for
/// that transaction and finds the key taken. Then everything begins anew. Each round somebody else got on.
async fn enqueue_keyed(
    pool: &Pool,
    options: &StoreOptions,
    tasks: Vec<NewTask>,
    mode: EnqueueMode,
) -> Result<Vec<Answer>, StoreError> {
    for _ in 0..TRIES * 4 {
        if let Some(answers) = retried(|| enqueue_round(pool, options, &tasks, mode)).await? {
            return Ok(answers);
        }
    }
    Err(StoreError::Timeout)
}

/// `None` when a unique key was taken in between.
async fn enqueue_round(
    pool: &Pool,
    options: &StoreOptions,
    tasks: &[NewTask],
    mode: EnqueueMode,
) -> Result<Option<Vec<Answer>>, StoreError> {
    let mut connection = take(pool).await?;
    let transaction = begin(&mut connection).await?;
    let facts = facts(&transaction, options, tasks).await?;
    let plan = resolve(tasks, &facts);
    if mode == EnqueueMode::Atomic && plan.is_refused() {
        transaction.rollback().await?;
        return Ok(Some(plan.aborted()));
    }
    let mut new: Vec<&NewTask> = plan.created().collect();
    new.sort_by_key(|task| (&task.queue, &task.kind, task.unique.as_ref().map(|unique| &unique.key)));
    let mut now = Timestamp::UNIX_EPOCH;
    if !new.is_empty() {
        let inserted = insert_in(&transaction, &new).await?;
        if inserted.count < new.len() {
            transaction.rollback().await?;
            return Ok(None);
        }
        now = inserted.now;
    }
    keep_keys(&transaction, &plan).await?;
    commit(transaction).await?;
    Ok(Some(plan.answers(now)))
}

/// Takes the idempotency keys and reads what is there.
async fn facts(
    transaction: &Transaction<'_>,
    options: &StoreOptions,
    tasks: &[NewTask],
) -> Result<Facts, StoreError> {
    let mut facts = Facts::default();
    take_keys(transaction, options, tasks, &mut facts).await?;
    read_holders(transaction, tasks, &mut facts).await?;
    Ok(facts)
}

/// Takes each key for the first task that has it, or learns which task it stands for already. A second
/// transaction with the same key waits here for this one.
async fn take_keys(
    transaction: &Transaction<'_>,
    options: &StoreOptions,
    tasks: &[NewTask],
    facts: &mut Facts,
) -> Result<(), StoreError> {
    let mut wanted: Vec<_> =
        tasks.iter().filter_map(|task| Some((task.idempotency.as_ref()?, task.id))).collect();
    wanted.sort_by(|(a, _), (b, _)| a.key.cmp(&b.key));
    wanted.dedup_by(|(later, _), (earlier, _)| later.key == earlier.key);
    if wanted.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = wanted.iter().map(|(key, _)| key.key.as_str()).collect();
    let fingerprints: Vec<&[u8]> = wanted.iter().map(|(key, _)| key.fingerprint.as_slice()).collect();
    let ids: Vec<Uuid> = wanted.iter().map(|(_, id)| id.0).collect();
    let window = rows::micros(options.idempotency_window);
    let sql = include_str!("enqueue_keys.sql");
    let mut earlier = Vec::new();
    for row in query_in(transaction, sql, &[&keys, &fingerprints, &ids, &window]).await? {
        let (key, fingerprint): (String, &[u8]) = (row.try_get(0)?, row.try_get(1)?);
        let fingerprint = fingerprint.try_into().map_err(|_| corrupt("a fingerprint"))?;
        let (id, was_free, valid) = (TaskId(row.try_get(2)?), row.try_get(3)?, row.try_get(4)?);
        if was_free {
            facts.taken.insert(key, (fingerprint, id));
        } else if valid {
            earlier.push((key, fingerprint, id));
        }
    }
    if earlier.is_empty() {
        return Ok(());
    }
    let ids: Vec<TaskId> = earlier.iter().map(|(_, _, id)| *id).collect();
    let stored = get::get_in(transaction, &ids).await?;
    for (key, fingerprint, id) in earlier {
        if let Some(task) = stored.get(&id) {
            facts.requests.insert(key, (fingerprint, task.clone()));
        }
    }
    Ok(())
}

/// Reads the unfinished tasks that have the unique keys.
async fn read_holders(
    transaction: &Transaction<'_>,
    tasks: &[NewTask],
    facts: &mut Facts,
) -> Result<(), StoreError> {
    let wanted: Vec<_> = tasks.iter().filter_map(|task| Some((task, task.unique.as_ref()?))).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let queues: Vec<&str> = wanted.iter().map(|(task, _)| task.queue.as_str()).collect();
    let kinds: Vec<&str> = wanted.iter().map(|(task, _)| task.kind.as_str()).collect();
    let keys: Vec<&str> = wanted.iter().map(|(_, unique)| unique.key.as_str()).collect();
    for row in query_in(transaction, include_str!("enqueue_holders.sql"), &[&queues, &kinds, &keys]).await? {
        facts.add_holder(rows::task(&row)?);
    }
    Ok(())
}

/// Lets the keys stand for the tasks the items got, and gives back those of refused items.
async fn keep_keys(transaction: &Transaction<'_>, plan: &Plan<'_>) -> Result<(), StoreError> {
    let (keys, fingerprints, ids) = plan.kept_keys();
    if !keys.is_empty() {
        query_in(transaction, include_str!("enqueue_keep_keys.sql"), &[&keys, &fingerprints, &ids]).await?;
    }
    let unused = plan.unused_keys();
    if !unused.is_empty() {
        query_in(transaction, include_str!("enqueue_drop_keys.sql"), &[&unused]).await?;
    }
    Ok(())
}

/// What an earlier request with a key made.
pub(super) async fn find_idempotent(
    pool: &Pool,
    options: &StoreOptions,
    key: &str,
) -> Result<Option<IdempotencyHit>, StoreError> {
    let window = rows::micros(options.idempotency_window);
    let found = query(pool, include_str!("find_idempotent.sql"), &[&key, &window]).await?;
    let Some(row) = found.first() else { return Ok(None) };
    let fingerprint: &[u8] = row.try_get(0)?;
    Ok(Some(IdempotencyHit {
        fingerprint: fingerprint.try_into().map_err(|_| corrupt("a fingerprint"))?,
        task_id: TaskId(row.try_get(1)?),
    }))
}
