//! `taskward doctor disk`.

mod disk;

use clap::Subcommand;

use super::Ended;
use crate::context::Context;

/// What to look at.
#[derive(Debug, Subcommand)]
pub(crate) enum DoctorCommand {
    /// Look at the disks that the service writes to, and at what it keeps there.
    #[command(after_help = DISK)]
    Disk,
}

const DISK: &str = "Looks at the machine it runs on, by the configuration; the service is not asked.\n\n\
Exit codes: 0 there is room, 3 a disk is fuller than alerts.disk_full_percent, 4 one cannot be looked at, or there is none.";

/// Looks.
pub(crate) fn run(command: &DoctorCommand, context: &Context) -> Ended {
    match command {
        DoctorCommand::Disk => disk::run(context),
    }
}
