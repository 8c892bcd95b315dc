//! `taskward backup verify`.

use taskward_ops::backup::{self, Catalogue};

use super::{WhichArgs, interruptible, listener, settings, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::{CliError, UNCHANGED};
use crate::exit::Exit;

pub(super) const EXITS: &str =
    "Exit codes: 0 every file is what it was, 3 one is not, 6 the backup, or one of its files, is missing.";

/// Verifies a backup.
pub(super) async fn run(args: &WhichArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let (listener, progress) = listener();
    let work = async {
        let verified = backup::verify(&Catalogue::new(&settings.dir), &args.which(), &listener).await;
        verified.map_err(|error| CliError::from_backup(&error))
    };
    let verified = interruptible(work, UNCHANGED, "taskward backup list").await;
    progress.end();
    let (verified, _) = verified?;
    context.output.result(&verified, || {
        format!("{}: {} files, {}, all as they were", verified.id, verified.files, size(verified.bytes))
    })?;
    Ok(Exit::Ok)
}
