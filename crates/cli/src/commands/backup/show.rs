//! `taskward backup show`.

use clap::Args;
use taskward_ops::backup::{Catalogue, Manifest, Which};

use super::options::id;
use super::{settings, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::{pairs, table};

/// Which backup.
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The backup's id, as `taskward backup list` prints it.
    #[arg(value_parser = id)]
    id: String,
}

/// Prints a manifest.
pub(super) fn run(args: &ShowArgs, context: &Context) -> Ended {
    let settings = settings(context)?;
    let found = Catalogue::new(&settings.dir).find(&Which::Id(args.id.clone()));
    let manifest = found.map_err(|error| CliError::from_backup(&error))?;
    context.output.result(&manifest, || text(&manifest))?;
    Ok(Exit::Ok)
}

fn text(manifest: &Manifest) -> String {
    let position = manifest.position.as_ref();
    let facts = pairs([
        ("id", manifest.id.clone()),
        ("label", manifest.label.clone().unwrap_or_else(|| "-".to_owned())),
        ("engine", manifest.engine.as_str().to_owned()),
        ("database", manifest.database.clone()),
        ("schema", format!("{}, of taskward {}", manifest.schema, manifest.program)),
        ("of", format!("{:.0}", manifest.point_at)),
        ("complete", format!("{:.0}", manifest.finished_at)),
        ("log", position.map_or_else(|| "-".to_owned(), |log| format!("{} to {}", log.start, log.end))),
        ("restored", format!("needs {}", size(manifest.data_bytes))),
    ]);
    let rows = &manifest.rows.last;
    let counts = rows.tables.iter().map(|(name, count)| vec![format!("table {name}"), count.to_string()]);
    let states = rows.states.iter().map(|(name, count)| vec![format!("tasks {name}"), count.to_string()]);
    let rows = table(&["rows of", "count"], counts.chain(states));
    let files = manifest.files.iter();
    let files = files.map(|file| vec![file.name.clone(), size(file.bytes), file.sha256.clone()]);
    format!("{facts}\n\n{rows}\n\n{}", table(&["file", "size", "sha256"], files))
}
