//! `taskward doctor disk`.

use taskward_ops::diagnosis::{self, DiskReport, DiskSettings, DiskVerdict, Held, Place, Room};

use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::size;
use crate::table::table;

/// Looks at the disks.
pub(super) fn run(context: &Context) -> Ended {
    let report = diagnosis::disk(&DiskSettings::from(&context.config()?.config));
    let error = match report.verdict {
        DiskVerdict::Ok => {
            context.output.result(&report, || text(&report))?;
            return Ok(Exit::Ok);
        }
        DiskVerdict::Fail => full(&report),
        DiskVerdict::Unknown => unknown(&report),
    };
    context.output.text(|| text(&report))?;
    Err(error.detail("report", &report))
}

fn full(report: &DiskReport) -> CliError {
    let is_full = |place: &&Place| place.verdict == DiskVerdict::Fail;
    let names: Vec<_> = report.places.iter().filter(is_full).map(|place| place.directory).collect();
    let next = match names.first() {
        Some(&"log") => "taskward log prune --dry-run",
        Some(&"backups") => "taskward backup prune --dry-run",
        _ => "taskward config explain tasks.retention",
    };
    let what = format!("more than {} % is used of the disk of: {}", report.full_percent, names.join(", "));
    CliError::new(Exit::CheckFailed, "disk_full", what)
        .why("bytes or inodes, see the table; not all of it need be the service's")
        .next(next)
}

fn unknown(report: &DiskReport) -> CliError {
    let unseen = report.places.iter().find(|place| place.verdict == DiskVerdict::Unknown);
    let (what, why) = match unseen {
        Some(place) => (
            format!("the disk of {} cannot be looked at", place.path.display()),
            place.message.clone().unwrap_or_default(),
        ),
        None => (
            "the service keeps nothing on this machine".to_owned(),
            "its database is a server, and it logs to no file".to_owned(),
        ),
    };
    CliError::new(Exit::Unknown, "disk_unknown", what).why(why).next("taskward config show --origin")
}

fn text(report: &DiskReport) -> String {
    let header = ["directory", "verdict", "used", "left", "inodes used", "holds", "where"];
    table(&header, report.places.iter().map(row))
}

fn row(place: &Place) -> Vec<String> {
    let used = |room: Option<Room>| or_unknown(room.map(|room| format!("{:.1} %", room.used_ratio * 100.0)));
    let verdict = match place.verdict {
        DiskVerdict::Ok => "ok",
        DiskVerdict::Unknown => "UNKNOWN",
        DiskVerdict::Fail => "FAIL",
    };
    let holds: Vec<_> = place
        .holds
        .iter()
        .map(|Held { what, bytes }| format!("{what} {}", or_unknown(bytes.map(size))))
        .collect();
    vec![
        place.directory.to_owned(),
        verdict.to_owned(),
        used(place.bytes),
        or_unknown(place.bytes.map(|room| size(room.available))),
        used(place.inodes),
        holds.join(", "),
        place.path.display().to_string(),
    ]
}

fn or_unknown(text: Option<String>) -> String {
    text.unwrap_or_else(|| "-".to_owned())
}
