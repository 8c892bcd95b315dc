//! The invariants, asked of what is stored.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskward_core::{NewTask, OnConflict, Schedule};
use taskward_store::check::{Checked, Verdict};
use taskward_store::{CheckOptions, SettlementOutcome, Store, StoreError, check};

use super::Fixture;
use super::build::{
    HOUR, claim_expired, claim_one, enqueue, failure, make_dead, promote, rescue, settle, task, task_in,
    unique_task,
};

async fn checked(fixture: &Fixture) -> Vec<Checked> {
    check(&fixture.database.url(), CheckOptions::default()).await.expect("a check")
}

/// The names of the invariants that do not hold.
fn violated(checked: &[Checked]) -> BTreeSet<&'static str> {
    let violated = checked.iter().filter(|one| matches!(one.verdict, Verdict::Violated(_)));
    violated.map(|one| one.invariant.id).collect()
}

/// Tasks in every state, with something of everything.
async fn life(store: &dyn Store) {
    make_dead(store, task()).await;
    let again = make_dead(store, task()).await;
    store.retry(vec![again]).await.expect("retry").remove(0).expect("brought back");
    let retried = claim_one(store).await;
    settle(store, &retried, SettlementOutcome::Completed(None)).await;
    let cancelled = enqueue(store, task()).await.task.id;
    store.cancel(vec![cancelled]).await.expect("cancel").remove(0).expect("cancelled");
    enqueue(store, NewTask { max_attempts: 1, ..task() }).await;
    claim_expired(store).await;
    rescue(store, 1).await;
    enqueue(store, task()).await;
    let failed = claim_one(store).await;
    settle(store, &failed, SettlementOutcome::Failed(failure("once"))).await;
    promote(store, 1).await;
    claim_one(store).await;
    enqueue(store, unique_task("k", OnConflict::Reject)).await;
    enqueue(store, unique_task("l", OnConflict::Reject)).await;
    enqueue(store, task_in("other")).await;
    enqueue(store, NewTask { schedule: Schedule::In(HOUR), ..task() }).await;
}

pub(crate) async fn everything_holds_in_a_store_that_was_used(fixture: Fixture) {
    let store = fixture.store().await;
    life(&*store).await;
    let seen = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&seen);
    let observe = Arc::new(move |at: check::CheckProgress| {
        note.lock().expect("the notes").push((at.done, at.invariant.id));
    });
    let found = check(&fixture.database.url(), CheckOptions { observe, ..CheckOptions::default() })
        .await
        .expect("a check");
    for one in &found {
        assert_eq!(one.verdict, Verdict::Holds, "{one:?}");
    }
    let expected: Vec<_> = found.iter().enumerate().map(|(done, one)| (done, one.invariant.id)).collect();
    assert_eq!(*seen.lock().expect("the notes"), expected, "each was announced");
    // The store is still there to be used.
    enqueue(&*store, task()).await;
}

/// What is done to the database, by which database, and what the check says then.
struct Plant {
    invariant: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
    says: &'static str,
}

const PLANTS: &[Plant] = &[
    Plant {
        invariant: "one_place",
        sqlite: "UPDATE history SET id = (SELECT id FROM tasks WHERE queue = 'other') WHERE state = 'cancelled'",
        postgres: "UPDATE history SET id = (SELECT id FROM tasks WHERE queue = 'other') WHERE state = 'cancelled'",
        says: "it is available in tasks and cancelled in history",
    },
    Plant {
        invariant: "expiry",
        sqlite: "UPDATE tasks SET expires_at = expires_at - 1000000 WHERE state = 'running'",
        postgres: "UPDATE tasks SET expires_at = expires_at - interval '1 s' WHERE state = 'running'",
        says: "taken away before",
    },
    Plant {
        invariant: "leases",
        sqlite: "PRAGMA ignore_check_constraints = ON; UPDATE tasks SET worker_id = NULL WHERE state = 'running'",
        postgres: "ALTER TABLE tasks DROP CONSTRAINT tasks_running;
                   UPDATE tasks SET worker_id = NULL WHERE state = 'running'",
        says: "it is running without a whole lease",
    },
    Plant {
        invariant: "leases",
        sqlite: "PRAGMA ignore_check_constraints = ON;
                 UPDATE tasks SET lease_expires_at = 1 WHERE state = 'scheduled'",
        postgres: "UPDATE tasks SET lease_expires_at = now() WHERE state = 'scheduled'",
        says: "it is scheduled and holds a lease",
    },
    Plant {
        invariant: "epochs",
        sqlite: "INSERT INTO epochs (epoch, backup, began_at) VALUES (1, 'b', 1)",
        postgres: "INSERT INTO epochs (epoch, backup) VALUES (1, 'b')",
        says: "is of before the restore that began epoch 1",
    },
    Plant {
        invariant: "attempts",
        sqlite: "UPDATE history SET attempt = 11 WHERE state = 'dead'",
        postgres: "UPDATE history SET attempt = 11 WHERE state = 'dead'",
        says: "attempt 11 of 10",
    },
    Plant {
        invariant: "history",
        sqlite: "UPDATE history SET last_outcome = NULL WHERE state = 'completed'",
        postgres: "UPDATE history SET last_outcome = NULL WHERE state = 'completed'",
        says: "but not by a worker under a lease",
    },
    Plant {
        invariant: "unique_keys",
        sqlite: "DROP INDEX tasks_unique; UPDATE tasks SET unique_key = 'k' WHERE unique_key IS NOT NULL",
        postgres: "DROP INDEX tasks_unique; UPDATE tasks SET unique_key = 'k' WHERE unique_key IS NOT NULL",
        says: "has its unique key",
    },
    Plant {
        invariant: "schema",
        sqlite: "DROP INDEX tasks_due",
        postgres: "DROP INDEX tasks_due",
        says: "tasks_due is missing",
    },
    Plant {
        invariant: "counts",
        sqlite: "DELETE FROM tasks WHERE state = 'scheduled'",
        postgres: "DELETE FROM tasks WHERE state = 'scheduled'",
        says: "queue default: 0 scheduled, counted as 1",
    },
    Plant {
        invariant: "counts_history",
        sqlite: "UPDATE history SET queue = 'nowhere' WHERE state = 'completed'",
        postgres: "UPDATE history SET queue = 'nowhere' WHERE state = 'completed'",
        says: "queue nowhere: 1 completed in history, counted as 0",
    },
    Plant {
        invariant: "counts_balance",
        sqlite: "UPDATE queue_counts SET count = count + 1 WHERE queue = 'other' AND state = 'created'",
        postgres: "INSERT INTO queue_counts (queue, created) VALUES ('other', 1)",
        says: "queue other: 2 created, but 1 unfinished or finished",
    },
    Plant {
        invariant: "partitions",
        sqlite: "",
        postgres: "DO $$ DECLARE latest text; BEGIN
            SELECT max(relname) INTO latest FROM pg_class WHERE relname ~ '^history_p[0-9]{8}$';
            EXECUTE 'ALTER TABLE history DETACH PARTITION ' || latest; END $$",
        says: "is no partition of history",
    },
    Plant {
        invariant: "partitions",
        sqlite: "",
        postgres: "ALTER TABLE history DETACH PARTITION history_default",
        says: "history_default is no partition of history",
    },
];

pub(crate) async fn each_violation_is_found_and_named(fixture: Fixture) {
    let store = fixture.store().await;
    life(&*store).await;
    let is_sqlite = fixture.database.url().starts_with("sqlite:");
    for Plant { invariant, sqlite, postgres, says } in PLANTS {
        let sql = if is_sqlite { sqlite } else { postgres };
        if sql.is_empty() {
            continue;
        }
        fixture.database.execute(sql).await;
        let found = checked(&fixture).await;
        let one = found.iter().find(|one| one.invariant.id == *invariant).expect("it was looked at");
        let Verdict::Violated(violations) = &one.verdict else { panic!("{invariant}: {:?}", one.verdict) };
        assert!(violations.count >= violations.examples.len() as u64, "{violations:?}");
        let said = violations.examples.iter().any(|example| example.what.contains(says));
        assert!(said, "{invariant}: {says:?} is not in {violations:?}");
    }
}

pub(crate) async fn violations_are_all_counted_and_few_are_described(fixture: Fixture) {
    let store = fixture.store().await;
    for _ in 0..4 {
        make_dead(&*store, task()).await;
    }
    fixture.database.execute("UPDATE history SET attempt = 11").await;
    let found = check(&fixture.database.url(), CheckOptions { examples_max: 3, ..CheckOptions::default() })
        .await
        .expect("a check");
    assert_eq!(violated(&found), BTreeSet::from(["attempts"]));
    let one = found.iter().find(|one| one.invariant.id == "attempts").expect("it was looked at");
    let Verdict::Violated(violations) = &one.verdict else { panic!("{one:?}") };
    assert_eq!((violations.count, violations.examples.len()), (4, 3));
    assert!(violations.examples.iter().all(|example| example.task.is_some()), "{violations:?}");
}

pub(crate) async fn what_there_was_no_time_for_is_unknown(fixture: Fixture) {
    fixture.store().await;
    let options = CheckOptions { time_limit: Duration::from_nanos(1), ..CheckOptions::default() };
    let found = check(&fixture.database.url(), options).await.expect("a check");
    assert!(found.len() >= 10);
    for one in found {
        assert!(matches!(one.verdict, Verdict::NotChecked(_)), "{one:?}");
    }
}

pub(crate) async fn schema_of_another_version_is_refused(fixture: Fixture) {
    let store = fixture.store().await;
    store.migrate_down(0).await.expect("down");
    let refused = check(&fixture.database.url(), CheckOptions::default()).await;
    assert!(matches!(refused, Err(StoreError::SchemaTooOld { found: 0, .. })), "{refused:?}");
}
