//! `taskward restore list-points`.

use taskward_ops::backup::{self, Gap, Points, Unusable, Window};

use crate::commands::Ended;
use crate::commands::backup::settings;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

pub(super) const EXITS: &str =
    "Exit codes: 0 printed, 3 the log is damaged, 6 there is no window, or a file is missing.";

/// Prints the windows.
pub(super) fn run(context: &Context) -> Ended {
    let settings = settings(context)?;
    let points = backup::points(&settings).map_err(|error| CliError::from_backup(&error))?;
    if points.windows.is_empty() {
        let why = match points.unusable.first() {
            Some(latest) => format!("{}: {}", latest.backup, latest.why),
            None => format!("there is no backup in {}", settings.dir.display()),
        };
        return Err(CliError::new(
            Exit::NotFound,
            "no_log",
            "there is no moment to restore to but those of backups",
        )
        .why(why)
        .next("taskward config explain backup.wal")
        .detail("points", &points));
    }
    context.output.result(&points, || text(&points))?;
    Ok(Exit::Ok)
}

/// Windows and gaps, as people read them.
pub(crate) fn text(points: &Points) -> String {
    let windows = points.windows.iter().map(window);
    let gaps = points.gaps.iter().map(gap);
    let mut rows: Vec<_> = windows.chain(gaps).collect();
    rows.sort_by(|a, b| b.cmp(a));
    let unusable =
        points.unusable.iter().map(|Unusable { backup, why }| format!("{backup} begins no window: {why}"));
    let table = table(&["from", "to", "what"], rows);
    std::iter::once(table).chain(unusable).collect::<Vec<_>>().join("\n")
}

fn window(window: &Window) -> Vec<String> {
    let bases: Vec<_> = window.bases.iter().map(|base| base.backup.as_str()).collect();
    vec![
        format!("{:.3}", window.from),
        format!("{:.3}", window.to),
        format!("any moment, from {}", bases.join(", ")),
    ]
}

fn gap(gap: &Gap) -> Vec<String> {
    vec![format!("{:.3}", gap.from), format!("{:.3}", gap.to), format!("GAP: {}", gap.why)]
}
