//! Runs the command for one task.

use std::process::Stdio;
use std::time::Duration;

use futures_util::future::join3;
use taskward_client::worker::{Handler, Outcome, TaskContext};
use taskward_client::{Json, Task, TraceContext};
use tokio::process::{Child, Command};

use super::groups::{Group, Groups};
use super::judge::judge;
use super::pipes::{Head, Tail, feed};
use super::program::Program;

/// How much of stdout is kept. The service's own limit for results is usually lower, and it says so.
const STDOUT_MAX: usize = 4 * 1024 * 1024;
/// How much of stderr is kept, its end: what the service keeps of a message.
const STDERR_MAX: usize = 4 * 1024;
/// How long a command that was told to stop may take before it is killed.
const KILL_AFTER: Duration = Duration::from_secs(2);
/// How long output may still come once the command has ended: it is in the pipe already, unless something
/// in the background holds the pipe open.
const PIPES_AFTER: Duration = Duration::from_millis(500);

/// Runs a command for each task.
#[derive(Debug)]
pub(super) struct CommandHandler {
    program: Program,
    groups: Groups,
}

impl CommandHandler {
    pub(super) fn new(program: Program, groups: Groups) -> Self {
        Self { program, groups }
    }

    fn spawn(&self, task: &Task, trace: Option<&TraceContext>) -> std::io::Result<(Child, Option<Group>)> {
        let mut command = Command::new(&self.program.path);
        // The worker's own trace, if it was started in one, is not the task's.
        command.env_remove("TRACEPARENT").env_remove("TRACESTATE");
        if let Some(trace) = trace {
            command.env("TRACEPARENT", trace.traceparent());
            command.envs(trace.tracestate().map(|state| ("TRACESTATE", state)));
        }
        let child = command
            .args(&self.program.arguments)
            .env("TASKWARD_TASK_ID", task.id.to_string())
            .env("TASKWARD_KIND", &task.kind)
            .env("TASKWARD_QUEUE", &task.queue)
            .env("TASKWARD_ATTEMPT", task.attempt.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let group = child.id().and_then(|leader| self.groups.add(leader));
        Ok((child, group))
    }
}

impl Handler for CommandHandler {
    async fn run(&self, task: Task, context: TaskContext) -> Outcome {
        let (mut child, group) = match self.spawn(&task, context.trace()) {
            Ok(spawned) => spawned,
            Err(error) => {
                return Outcome::failed("spawn", format!("{}: {error}", self.program.path.display()));
            }
        };
        let (mut stdout, mut stderr) = (Head::new(STDOUT_MAX), Tail::new(STDERR_MAX));
        let status = {
            let input = feed(child.stdin.take(), stdin_of(&task.payload));
            let (out, err) = (child.stdout.take(), child.stderr.take());
            let pipes = join3(input, stdout.fill(out), stderr.fill(err));
            tokio::pin!(pipes);
            let mut pipes_done = false;
            loop {
                tokio::select! {
                    status = child.wait() => {
                        if !pipes_done {
                            let _ = tokio::time::timeout(PIPES_AFTER, &mut pipes).await;
                        }
                        break status;
                    }
                    _ = &mut pipes, if !pipes_done => pipes_done = true,
                    () = context.stop.requested() => {
                        end(&mut child, group).await;
                        // Why it was stopped decides what is reported.
                        return Outcome::Released;
                    }
                }
            }
        };
        if let Some(group) = group {
            group.ended();
        }
        match status {
            Ok(status) => judge(status, &stdout, &stderr),
            Err(error) => Outcome::failed("wait", error.to_string()),
        }
    }
}

/// Asks the whole group to end, then makes it.
async fn end(child: &mut Child, group: Option<Group>) {
    if let Some(group) = &group {
        group.terminate();
    }
    let _ = tokio::time::timeout(KILL_AFTER, child.wait()).await;
    if let Some(group) = &group {
        // The leader may have gone before what it started.
        group.kill();
    }
    let _ = child.wait().await;
}

/// A string payload raw, anything else as its JSON text.
fn stdin_of(payload: &Json) -> Vec<u8> {
    match serde_json::from_str::<String>(payload.get()) {
        Ok(text) => text.into_bytes(),
        Err(_) => payload.get().as_bytes().to_vec(),
    }
}
