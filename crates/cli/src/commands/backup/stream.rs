//! `taskward backup stream`.

use std::sync::Arc;

use taskward_ops::backup::{self, StreamEvent, StreamListener};
use tokio_util::sync::CancellationToken;

use super::{interruptible, settings};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;

pub(super) const EXITS: &str = "Runs until a signal ends it (130, 143). Exit codes: 5 the database has no log to stream, \
or the directory cannot be made, 7 somebody else streams into this directory.";

/// Receives the log until a signal comes.
pub(super) async fn run(context: &Context) -> Ended {
    let settings = settings(context)?;
    let output = context.output;
    let listener: StreamListener = Arc::new(move |event| output.note(described(&event)));
    // Killed while it receives, it leaves the rest to whoever receives next.
    let stop = CancellationToken::new();
    let work = async {
        let ended = backup::stream(&settings, &listener, &stop).await;
        ended.map_err(|error| CliError::from_backup(&error))
    };
    let left = "what was received is in the archive; the slot holds back what comes now";
    interruptible(work, left, "taskward backup check").await?;
    Ok(Exit::Ok)
}

/// An event, in a line.
fn described(event: &StreamEvent) -> String {
    match event {
        StreamEvent::Streaming { slot, made: true } => format!("streaming; made the replication slot {slot}"),
        StreamEvent::Streaming { slot, made: false } => {
            format!("streaming through the replication slot {slot}")
        }
        StreamEvent::GaveUp { slot } => format!(
            "the server had given up the replication slot {slot}: the log has a gap, and a new window begins with the next \
             backup (taskward backup create)"
        ),
        StreamEvent::Archived { name, bytes } => format!("archived {name}, {}", super::size(*bytes)),
        StreamEvent::Interrupted(error) => format!("not streaming, tried again: {}", error.described()),
    }
}
