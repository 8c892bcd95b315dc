//! `taskward backup verify`.

use taskward_ops::backup;

use super::{WhichArgs, interruptible, listener, settings, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::{CliError, UNCHANGED};
use crate::exit::Exit;

pub(super) const EXITS: &str = "Exit codes: 0 every file is what it was, 3 one is not, 6 the backup, or a file of it or of the log, is missing.";

/// Verifies a backup.
pub(super) async fn run(args: &WhichArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let (listener, progress) = listener();
    let work = async {
        let verified = backup::verify_with_log(&settings, &args.which(), &listener).await;
        verified.map_err(|error| CliError::from_backup(&error))
    };
    let verified = interruptible(work, UNCHANGED, "taskward backup list").await;
    progress.end();
    let verified = verified?;
    context.output.result(&verified, || {
        let log = match verified.log_files {
            0 => String::new(),
            files => format!(" and {files} of the log after it, {}", size(verified.log_bytes)),
        };
        format!("{}: {} files, {}{log}, all as they were", verified.id, verified.files, size(verified.bytes))
    })?;
    Ok(Exit::Ok)
}
