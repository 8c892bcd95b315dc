//! The task that all tasks of one command look like, but for their payloads.

use taskward_api::Unique;
use taskward_api::task::OnConflict;
use taskward_client::CreateTask;

use super::{EnqueueArgs, OnConflictArg};
use crate::error::CliError;

/// The most tags a task may have.
const TAGS_MAX: usize = 20;

pub(super) fn build(args: &EnqueueArgs) -> Result<CreateTask, CliError> {
    if args.tags.len() > TAGS_MAX {
        let message = format!("--tag was given {} times; at most {TAGS_MAX} are allowed", args.tags.len());
        return Err(CliError::usage("too_many_tags", message).next("taskward enqueue --help"));
    }
    let on_conflict = match args.on_conflict {
        Some(OnConflictArg::Reject) => OnConflict::Reject,
        Some(OnConflictArg::ReturnExisting) | None => OnConflict::ReturnExisting,
    };
    Ok(CreateTask {
        kind: args.kind.clone(),
        queue: args.queue.clone(),
        payload: None,
        priority: args.priority,
        run_at: args.run_at,
        delay: args.delay.map(Into::into),
        timeout: args.timeout.map(Into::into),
        max_attempts: args.max_attempts,
        retry: None,
        unique: args.unique_key.clone().map(|key| Unique { key, on_conflict }),
        tags: (!args.tags.is_empty()).then(|| args.tags.clone()),
        metadata: args.metadata.clone(),
        traceparent: None,
    })
}
