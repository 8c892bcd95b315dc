//! Reading tasks.

use std::collections::BTreeSet;

use taskward_core::{NewTask, Schedule, TaskId, TaskState};
use taskward_store::{EnqueueMode, PageRequest, SettlementOutcome, Store, TaskFilter};

use super::Fixture;
use super::build::{HOUR, claim, enqueue, list_all, report, task, task_in};

/// Some tasks in each of several states, two queues and two kinds; all ids, oldest first.
async fn mixture(store: &dyn Store) -> Vec<TaskId> {
    let batch: Vec<NewTask> = (0..24)
        .map(|number| NewTask {
            kind: if number % 3 == 0 { "a" } else { "b" }.to_owned(),
            queue: if number % 2 == 0 { "default" } else { "other" }.to_owned(),
            tags: if number % 4 == 0 { vec!["x".to_owned(), "y".to_owned()] } else { Vec::new() },
            schedule: if number % 6 == 0 { Schedule::In(HOUR) } else { Schedule::Now },
            ..task()
        })
        .collect();
    let ids: Vec<TaskId> = batch.iter().map(|task| task.id).collect();
    store.enqueue(batch, EnqueueMode::Each).await.expect("enqueue");
    let claimed = claim(store, 4).await;
    let reports = claimed[..2].iter().map(|task| report(task, SettlementOutcome::Completed(None)));
    store.settle(reports.collect()).await.expect("settle");
    store.cancel(vec![ids[1], ids[3], ids[12]]).await.expect("cancel");
    ids
}

pub(crate) async fn get_answers_in_the_order_of_the_ids(fixture: Fixture) {
    let store = fixture.store().await;
    let ids = mixture(&*store).await;
    let unknown = TaskId::generate();
    let asked = vec![ids[20], unknown, ids[1], ids[20]];
    let found = store.get(asked.clone()).await.expect("get");
    let found: Vec<_> = found.into_iter().map(|task| task.map(|task| task.id)).collect();
    assert_eq!(found, [Some(ids[20]), None, Some(ids[1]), Some(ids[20])]);
}

pub(crate) async fn newest_come_first_from_both_tables(fixture: Fixture) {
    let store = fixture.store().await;
    let mut ids = mixture(&*store).await;
    ids.reverse();
    let page = PageRequest { limit: 1000, before: None };
    let all = store.list(TaskFilter::default(), page).await.expect("list");
    assert_eq!(all.tasks.iter().map(|task| task.id).collect::<Vec<_>>(), ids);
    assert_eq!(all.next, None);
    let exact =
        store.list(TaskFilter::default(), PageRequest { limit: 24, before: None }).await.expect("list");
    assert_eq!((exact.tasks.len(), exact.next), (24, None), "a full page may be the last");
}

pub(crate) async fn filters_are_combined(fixture: Fixture) {
    let store = fixture.store().await;
    mixture(&*store).await;
    enqueue(&*store, NewTask { tags: vec!["x\"".to_owned()], ..task_in("default") }).await;
    let all = list_all(&*store, &TaskFilter::default(), 1000).await;
    let queues = [None, Some("default"), Some("none")];
    let kinds = [None, Some("a")];
    let tags = [None, Some("x"), Some("x\""), Some("z")];
    let states: Vec<_> = TaskState::ALL.into_iter().map(Some).chain([None]).collect();
    for (queue, kind) in queues.iter().flat_map(|queue| kinds.iter().map(move |kind| (queue, kind))) {
        for (tag, state) in tags.iter().flat_map(|tag| states.iter().map(move |state| (tag, state))) {
            let filter = TaskFilter {
                queue: queue.map(str::to_owned),
                kind: kind.map(str::to_owned),
                tag: tag.map(str::to_owned),
                state: *state,
            };
            let expected: Vec<TaskId> = all
                .iter()
                .filter(|task| queue.is_none_or(|queue| task.queue == queue))
                .filter(|task| kind.is_none_or(|kind| task.kind == kind))
                .filter(|task| tag.is_none_or(|tag| task.tags.iter().any(|own| own == tag)))
                .filter(|task| state.is_none_or(|state| task.state == state))
                .map(|task| task.id)
                .collect();
            let found: Vec<TaskId> =
                list_all(&*store, &filter, 5).await.into_iter().map(|task| task.id).collect();
            assert_eq!(found, expected, "{filter:?}");
        }
    }
}

pub(crate) async fn pages_cover_everything_once(fixture: Fixture) {
    let store = fixture.store().await;
    let ids: BTreeSet<TaskId> = mixture(&*store).await.into_iter().collect();
    for limit in [1, 2, 7, 23, 24, 25] {
        let listed = list_all(&*store, &TaskFilter::default(), limit).await;
        assert_eq!(listed.len(), 24, "in pages of {limit}");
        assert!(listed.is_sorted_by(|a, b| a.id > b.id));
        assert_eq!(listed.into_iter().map(|task| task.id).collect::<BTreeSet<_>>(), ids);
    }
}
