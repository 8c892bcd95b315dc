//! `taskward backup list`.

use serde_json::json;
use taskward_ops::backup::{Catalogue, Listed, ListedState};

use super::{settings, size};
use crate::commands::Ended;
use crate::context::Context;
use crate::error::CliError;
use crate::exit::Exit;
use crate::table::table;

/// Prints what there is.
pub(super) fn run(context: &Context) -> Ended {
    let settings = settings(context)?;
    let listed = Catalogue::new(&settings.dir).list().map_err(|error| CliError::from_backup(&error))?;
    let document = json!({"dir": settings.dir, "backups": listed});
    context.output.result(&document, || {
        if listed.is_empty() {
            return format!("there is no backup in {}", settings.dir.display());
        }
        table(&["id", "state", "engine", "size", "tasks", "schema", "label"], listed.iter().map(row))
    })?;
    Ok(Exit::Ok)
}

fn row(listed: &Listed) -> Vec<String> {
    let none = || "-".to_owned();
    let (state, known) = match &listed.state {
        ListedState::Complete { manifest } => ("complete".to_owned(), Some(manifest)),
        ListedState::Partial => ("partial".to_owned(), None),
        ListedState::Damaged { problems } => {
            let files: Vec<_> = problems.iter().map(|problem| problem.file.as_str()).collect();
            (format!("DAMAGED: {}", files.join(", ")), None)
        }
    };
    vec![
        listed.id.clone(),
        state,
        known.map_or_else(none, |manifest| manifest.engine.as_str().to_owned()),
        size(listed.bytes),
        known.map_or_else(none, |manifest| manifest.rows.last.states.values().sum::<u64>().to_string()),
        known.map_or_else(none, |manifest| manifest.schema.to_string()),
        known.and_then(|manifest| manifest.label.clone()).unwrap_or_else(none),
    ]
}
