//! `taskward queue pause|resume`.

use serde_json::json;
use taskward_client::ProblemCode;

use super::OperateArgs;
use crate::commands::Ended;
use crate::context::Context;
use crate::exit::Exit;

/// Pauses or resumes a queue.
pub(super) async fn run(args: &OperateArgs, pause: bool, context: &Context) -> Ended {
    let client = context.client()?;
    let name = &args.queue;
    if args.dry_run {
        let paused = match client.queue(name).await {
            Ok(queue) => queue.paused,
            Err(error) if error.code() == Some(ProblemCode::NotFound) => false,
            Err(error) => return Err(context.read_failed(&error)),
        };
        let document = json!({"queue": name, "dry_run": true, "paused": paused, "would_be_paused": pause});
        context.output.result(&document, || match (pause, paused == pause) {
            (true, true) => format!("{name} is paused already"),
            (false, true) => format!("{name} is not paused"),
            (true, false) => format!("{name} would be paused"),
            (false, false) => format!("{name} would be resumed"),
        })?;
        return Ok(Exit::Ok);
    }
    let operated = if pause { client.pause_queue(name).await } else { client.resume_queue(name).await };
    let queue = operated.map_err(|error| context.write_failed(&error))?;
    context.output.result(&queue, || format!("{name} is {}", if pause { "paused" } else { "resumed" }))?;
    Ok(Exit::Ok)
}
