//! Tasks: create, look at, withdraw, bring back.

use std::time::Duration;

use serde::Serialize;
use taskward_api::{BatchAnswer, CreateTask, HumanDuration, Task, TaskListAnswer, TaskState};
use uuid::Uuid;

use crate::retry::Repeat;
use crate::{Client, ClientError};

/// Which tasks to list. Everything left out does not filter.
#[derive(Debug, Clone, Default)]
pub struct ListTasks {
    /// Only tasks of this queue.
    pub queue: Option<String>,
    /// Only tasks in this state.
    pub state: Option<TaskState>,
    /// Only tasks of this kind.
    pub kind: Option<String>,
    /// Only tasks with this tag.
    pub tag: Option<String>,
    /// At most this many on the page.
    pub limit: Option<u32>,
    /// Where the page before ended: its `next_cursor`.
    pub cursor: Option<String>,
}

/// A batch as it is written; [`taskward_api::AtomicBatch`] owns its tasks.
#[derive(Serialize)]
struct Batch<'a> {
    tasks: &'a [CreateTask],
    atomic: bool,
}

impl Client {
    /// Creates a task, once, however often the request has to be sent. With a unique key that is taken,
    /// the existing task is answered and says `duplicate`.
    ///
    /// `idempotency_key` makes repeating this call, also by another process, create nothing twice for a
    /// day; left out, a random one covers the repetitions of this call.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn enqueue(
        &self,
        task: &CreateTask,
        idempotency_key: Option<&str>,
    ) -> Result<Task, ClientError> {
        let path = ["api", "v1", "tasks"];
        self.send(self.post(&path, Repeat::Safe)?.idempotent(idempotency_key)?.json(task)?).await
    }

    /// Creates many tasks, each once. A bad task fails alone; with `atomic` it refuses all of them.
    /// The answer has a result per task, in order.
    ///
    /// # Errors
    /// Any [`ClientError`], when the request failed as a whole.
    pub async fn enqueue_batch(
        &self,
        tasks: &[CreateTask],
        atomic: bool,
        idempotency_key: Option<&str>,
    ) -> Result<BatchAnswer, ClientError> {
        let call = self.post(&["api", "v1", "tasks", "batch"], Repeat::Safe)?;
        self.send(call.idempotent(idempotency_key)?.json(&Batch { tasks, atomic })?).await
    }

    /// A task as it is now.
    ///
    /// # Errors
    /// Any [`ClientError`]; `not_found` when there is none.
    pub async fn task(&self, id: Uuid) -> Result<Task, ClientError> {
        self.task_after(id, None).await
    }

    /// A task when it is finished, or at the end of `wait` as it is then. The service bounds one wait, so
    /// a long one may return early with a task that is not finished; ask again.
    ///
    /// # Errors
    /// As [`Client::task`].
    pub async fn wait_for_task(&self, id: Uuid, wait: Duration) -> Result<Task, ClientError> {
        self.task_after(id, Some(wait)).await
    }

    async fn task_after(&self, id: Uuid, wait: Option<Duration>) -> Result<Task, ClientError> {
        let asked = wait.map(|wait| HumanDuration(wait).to_string());
        let call = self.get(&["api", "v1", "tasks", &id.to_string()])?;
        self.send(call.query("wait", asked.as_deref()).waiting(wait)).await
    }

    /// A page of tasks, newest first.
    ///
    /// # Errors
    /// Any [`ClientError`].
    pub async fn tasks(&self, list: &ListTasks) -> Result<TaskListAnswer, ClientError> {
        let limit = list.limit.map(|limit| limit.to_string());
        let call = self
            .get(&["api", "v1", "tasks"])?
            .query("queue", list.queue.as_deref())
            .query("state", list.state.map(TaskState::as_str))
            .query("kind", list.kind.as_deref())
            .query("tag", list.tag.as_deref())
            .query("limit", limit.as_deref())
            .query("cursor", list.cursor.as_deref());
        self.send(call).await
    }

    /// Withdraws a task; a running one is asked to stop.
    ///
    /// # Errors
    /// Any [`ClientError`]; `invalid_state` when it is finished.
    pub async fn cancel(&self, id: Uuid) -> Result<Task, ClientError> {
        self.operate(id, "cancel").await
    }

    /// Brings a dead task back.
    ///
    /// # Errors
    /// Any [`ClientError`]; `invalid_state` when it is not dead.
    pub async fn retry(&self, id: Uuid) -> Result<Task, ClientError> {
        self.operate(id, "retry").await
    }

    /// Not repeated when it may have been applied: the repetition would be refused as `invalid_state`.
    async fn operate(&self, id: Uuid, verb: &str) -> Result<Task, ClientError> {
        self.send(self.post(&["api", "v1", "tasks", &id.to_string(), verb], Repeat::Unsafe)?).await
    }
}

#[cfg(test)]
mod tests {
    use taskward_api::ProblemCode;

    use super::*;
    use crate::testing::{Script, Step, reply};

    const DRAINING: &str = r#"{"type":"urn:taskward:problem:draining","title":"t","status":503,"detail":"d",
        "code":"draining"}"#;

    fn header(request: &str, name: &str) -> Option<String> {
        request.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
        })
    }

    #[tokio::test]
    async fn a_repeated_creation_is_the_same_creation() {
        let task = serde_json::to_string(&crate::worker::test_task()).expect("json");
        let script =
            Script::start(vec![Step::Cut, reply(503, "retry-after: 0\r\n", DRAINING), reply(201, "", &task)])
                .await;
        let new = CreateTask { kind: "k".to_owned(), ..CreateTask::default() };
        script.client().enqueue(&new, None).await.expect("created");

        let seen = script.seen();
        let keys: Vec<_> = seen.iter().map(|request| header(request, "idempotency-key")).collect();
        assert_eq!(seen.len(), 3);
        assert!(keys[0].is_some() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        assert!(seen.iter().all(|request| request.ends_with(r#"{"kind":"k"}"#)), "{seen:?}");
        assert!(header(&seen[0], "user-agent").expect("sent").starts_with("taskward-rust/"));
    }

    #[tokio::test]
    async fn what_could_apply_twice_is_not_repeated() {
        let script = Script::start(vec![Step::Cut]).await;
        let error = script.client().retry(Uuid::now_v7()).await.expect_err("cut off");
        assert!(matches!(error, ClientError::Unreachable { sent: true, .. }), "{error:?}");
        assert!(!error.changed_nothing());
    }

    #[tokio::test]
    async fn a_problem_keeps_its_code_and_its_retry_after() {
        let script = Script::start(vec![reply(503, "retry-after: 9\r\n", DRAINING)]).await;
        let client = script.client().with_retry(crate::RetryPolicy::never());
        let error = client.tasks(&ListTasks::default()).await.expect_err("refused");
        assert_eq!(error.code(), Some(ProblemCode::Draining));
        assert_eq!(error.retry_after(), Some(Duration::from_secs(9)));
    }

    #[tokio::test]
    async fn nobody_there_is_unreachable_and_changed_nothing() {
        let port = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("address");
        let client = Client::new(&format!("http://{port}"), None).expect("client");
        let error =
            client.with_retry(crate::RetryPolicy::never()).task(Uuid::now_v7()).await.expect_err("nobody");
        assert!(matches!(error, ClientError::Unreachable { sent: false, .. }), "{error:?}");
        assert!(error.changed_nothing());
        let bad = client.enqueue(&CreateTask::default(), Some("two words")).await.expect_err("a bad key");
        assert!(matches!(bad, ClientError::InvalidRequest(_)));
    }

    #[tokio::test]
    async fn filters_travel_escaped() {
        let script = Script::start(vec![reply(200, "", r#"{"tasks":[],"next_cursor":null}"#)]).await;
        let list = ListTasks { tag: Some("a&b c".to_owned()), limit: Some(3), ..ListTasks::default() };
        script.client().tasks(&list).await.expect("a page");
        assert!(
            script.seen()[0].starts_with("GET /api/v1/tasks?tag=a%26b+c&limit=3 HTTP"),
            "{:?}",
            script.seen()
        );
    }
}
