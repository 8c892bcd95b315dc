//! The sources, read for what they log: each field is in the index template, each module can have a level, and a
//! line about a task names it.

use std::path::Path;

use taskward_server::telemetry::log::{TARGETS, field_path};

use crate::log_file::template;

const MACROS: [&str; 7] =
    ["trace!(", "debug!(", "info!(", "warn!(", "error!(", "info_span!(", "debug_span!("];

/// What a call of a macro of `tracing` is given, up to its message.
struct Call {
    /// The module, as a target.
    module: String,
    fields: Vec<String>,
}

#[test]
fn what_is_logged_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut calls = Vec::new();
    for (folder, name) in [
        ("server", "taskward_server"),
        ("store", "taskward_store"),
        ("cli", "taskward"),
        ("client", "taskward_client"),
    ] {
        read(&root.join(folder).join("src"), name, &mut calls);
    }
    assert!(calls.len() > 30, "only {} calls were found", calls.len());
    let known = template();
    for Call { module, fields } in &calls {
        for field in fields {
            let path = field_path(field);
            assert!(known.contains(&*path), "{module} logs {field}, and the template has no {path}");
        }
        let names_task = fields.iter().any(|field| field == "task.id");
        for field in ["queue", "kind", "attempt"] {
            assert!(
                !names_task || fields.iter().any(|known| known == field),
                "{module}: a task without its {field}"
            );
        }
        // Workers are not the service; a program's own log decides what it hears of the client.
        let target =
            TARGETS.iter().any(|(target, _)| module == target || module.starts_with(&format!("{target}::")));
        assert!(target || module.starts_with("taskward_client"), "{module} can have no level of its own");
    }
}

fn read(path: &Path, module: &str, calls: &mut Vec<Call>) {
    for entry in std::fs::read_dir(path).expect("the sources") {
        let path = entry.expect("an entry").path();
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let below = if ["mod", "lib", "main"].contains(&stem.as_str()) {
            module.to_owned()
        } else {
            format!("{module}::{stem}")
        };
        if path.is_dir() {
            read(&path, &below, calls);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let source = std::fs::read_to_string(&path).expect("UTF-8");
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for (at, _) in source.match_indices("tracing::") {
                let call = &source[at + "tracing::".len()..];
                if let Some(name) = MACROS.iter().find(|name| call.starts_with(**name)) {
                    let span = name.contains("span");
                    calls.push(Call { module: below.clone(), fields: fields(&call[name.len()..], span) });
                }
            }
        }
    }
}

/// The names of the fields among a macro's arguments.
fn fields(arguments: &str, span: bool) -> Vec<String> {
    let mut found = Vec::new();
    for (index, argument) in arguments_of(arguments).iter().map(|argument| argument.trim()).enumerate() {
        if span && index == 0 {
            continue;
        }
        let name = argument.split_once(" = ").map_or(argument, |(name, _)| name);
        let name = name.trim_start_matches(['%', '?']).replace("r#", "");
        let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._".contains(c));
        if !is_name {
            // The message; what follows is formatted into it.
            break;
        }
        found.push(name);
    }
    found
}

/// The arguments up to the closing bracket, by the commas between them.
fn arguments_of(text: &str) -> Vec<String> {
    let (mut depth, mut quoted, mut escaped) = (0, false, false);
    let mut arguments = vec![String::new()];
    for c in text.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' if depth == 0 => break,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = arguments.last_mut() {
            last.push(c);
        }
    }
    arguments
}
