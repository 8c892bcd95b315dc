//! The trace context that tasks carry.

use taskward_core::{NewTask, Schedule, Task, TaskState, TraceContext};
use taskward_store::{EnqueueMode, Failure, PageRequest, SettlementOutcome, TaskFilter};

use super::Fixture;
use super::build::{
    HOUR, claim, claim_expired, claim_one, demand, enqueue, failure, get, list_all, make_dead, promote,
    report, rescue, settle, task, try_settle,
};

/// The `number`th context there is.
fn context(number: usize) -> TraceContext {
    let traceparent = format!("00-0af7651916cd43dd8448eb211c80319c-{:016x}-01", number + 1);
    TraceContext::parse(&traceparent, Some("vendor=x, other@y=z")).expect("a context")
}

fn traced(number: usize) -> NewTask {
    NewTask { trace_context: Some(context(number)), ..task() }
}

pub(crate) async fn context_goes_with_the_task_to_its_end(fixture: Fixture) {
    let store = fixture.store().await;
    let made = enqueue(&*store, traced(1)).await.task;
    assert_eq!(format!("{:?}", get(&*store, made.id).await), format!("{made:?}"));
    assert_eq!(made.trace_context, Some(context(1)));
    let claimed = claim_one(&*store).await;
    assert_eq!(claimed.trace_context, Some(context(1)));
    let mut running = claimed;
    let outcomes = [
        SettlementOutcome::Released,
        SettlementOutcome::Failed(failure("x")),
        SettlementOutcome::Completed(None),
    ];
    for outcome in outcomes {
        // Said once, and then repeated.
        let said = settle(&*store, &running, outcome.clone()).await;
        let repeated = settle(&*store, &running, outcome).await;
        assert_eq!((said.trace_context, repeated.trace_context), (Some(context(1)), Some(context(1))));
        if said.state == TaskState::Scheduled {
            promote(&*store, 1).await;
        }
        if !said.state.is_finished() {
            running = claim_one(&*store).await;
        }
    }
    let finished = get(&*store, made.id).await;
    assert_eq!((finished.state, finished.trace_context), (TaskState::Completed, Some(context(1))));
}

pub(crate) async fn lost_and_dead_tasks_keep_it(fixture: Fixture) {
    let store = fixture.store().await;
    let id = make_dead(&*store, traced(2)).await;
    assert_eq!(get(&*store, id).await.trace_context, Some(context(2)));
    let back = store.retry(vec![id]).await.expect("retry").remove(0).expect("brought back");
    assert_eq!(back.trace_context, Some(context(2)));
    claim_expired(&*store).await;
    let rescued = rescue(&*store, 1).await.remove(0);
    assert_eq!((rescued.id, rescued.trace_context), (id, Some(context(2))));
    assert_eq!(claim_one(&*store).await.trace_context, Some(context(2)));
    let cancelled = enqueue(&*store, NewTask { schedule: Schedule::In(HOUR), ..traced(3) }).await.task.id;
    store.cancel(vec![cancelled]).await.expect("cancel").remove(0).expect("cancelled");
    assert_eq!(get(&*store, cancelled).await.trace_context, Some(context(3)));
}

pub(crate) async fn each_task_of_a_batch_has_its_own_or_none(fixture: Fixture) {
    let store = fixture.store().await;
    let of = |number: usize| (number % 3 == 1).then(|| context(number));
    let tasks: Vec<NewTask> = (0..20).map(|number| NewTask { trace_context: of(number), ..task() }).collect();
    let ids: Vec<_> = tasks.iter().map(|task| task.id).collect();
    store.enqueue(tasks, EnqueueMode::Each).await.expect("enqueue");
    let check = |found: &Task| {
        let number = ids.iter().position(|id| *id == found.id).expect("one of them");
        assert_eq!(found.trace_context, of(number), "task {number}");
    };
    let listed = list_all(&*store, &TaskFilter::default(), 7).await;
    assert_eq!(listed.len(), 20);
    listed.iter().for_each(check);
    let claimed = claim(&*store, 20).await;
    claimed.iter().for_each(check);
    let reports = claimed.iter().map(|task| report(task, SettlementOutcome::Completed(None))).collect();
    for (settled, task) in store.settle(reports).await.expect("settle").into_iter().zip(&claimed) {
        assert_eq!(settled.expect("applied").trace_context, task.trace_context);
    }
    let page = PageRequest { limit: 50, before: None };
    let finished = store.list(TaskFilter::default(), page).await.expect("list").tasks;
    finished.iter().for_each(check);
}

pub(crate) async fn waiting_worker_gets_it_with_the_task(fixture: Fixture) {
    let store = fixture.store().await;
    let done =
        store.enqueue_and_claim(vec![task(), traced(4)], vec![demand("default", 2)]).await.expect("done");
    let contexts: Vec<_> = done.claimed[0].iter().map(|task| task.trace_context.clone()).collect();
    assert_eq!(contexts, [None, Some(context(4))]);
    // A report that has to be decided row by row, in a batch with one that has not.
    let reports = [
        SettlementOutcome::Completed(None),
        SettlementOutcome::Failed(Failure { retryable: false, ..failure("x") }),
    ];
    for (task, outcome) in done.claimed[0].iter().zip(reports) {
        let settled = try_settle(&*store, report(task, outcome)).await.expect("applied");
        assert_eq!(settled.trace_context, task.trace_context);
    }
}

pub(crate) async fn tasks_survive_a_way_down_and_up_again(fixture: Fixture) {
    let store = fixture.store().await;
    let unfinished = enqueue(&*store, traced(5)).await.task.id;
    let claimed = claim_one(&*store).await;
    settle(&*store, &claimed, SettlementOutcome::Completed(None)).await;
    let waiting = enqueue(&*store, traced(6)).await.task.id;
    let reverted = store.migrate_down(1).await.expect("down");
    assert!(reverted.iter().any(|migration| migration.name == "0002_traces"), "{reverted:?}");
    store.migrate_up(None).await.expect("up");
    for id in [unfinished, waiting] {
        assert_eq!(get(&*store, id).await.trace_context, None);
    }
    assert_eq!(claim_one(&*store).await.id, waiting);
    let again = enqueue(&*store, traced(7)).await.task;
    assert_eq!(get(&*store, again.id).await.trace_context, Some(context(7)));
}
