//! Documents that follow from the schema: `config/defaults.yaml` and the table in `docs/CONFIG_GUIDE.md`.
//!
//! Tests compare both with the files; `UPDATE_DOCS=1 cargo test -p taskward-config` rewrites them.

use std::fmt::Write;

use crate::schema::{Key, Kind, SECTIONS, one_line};

/// The text of `config/defaults.yaml`: every key with its meaning and its default.
#[must_use]
pub fn defaults_yaml() -> String {
    let mut out = String::from(
        "# The built-in defaults of Taskward: every key there is.\n\
         #\n\
         # This file is generated from crates/config/src/sections and compiled into the binary; a copy beside\n\
         # <env>.yaml may change defaults for all environments. A key without a value is not set.\n",
    );
    for section in SECTIONS {
        push_comment(&mut out, "", section.doc);
        let _ = writeln!(out, "{}:", section.name);
        for key in section.keys {
            push_comment(&mut out, "  ", key.doc);
            push_key(&mut out, key);
        }
    }
    out
}

fn push_comment(out: &mut String, indent: &str, doc: &str) {
    if indent.is_empty() {
        out.push('\n');
    }
    for line in doc.lines() {
        let _ = writeln!(out, "{indent}# {}", line.trim());
    }
}

fn push_key(out: &mut String, key: &Key) {
    if !key.unset.is_empty() {
        let _ = writeln!(out, "  # Not set: {}.", key.unset);
    }
    let _ = writeln!(out, "  # Takes {}.", key.kind.expected());
    if let Some(variable) = key.variable {
        let _ = writeln!(out, "  # Variable: {variable}.");
    }
    let bare = matches!(key.kind, Kind::Integer { .. } | Kind::Boolean | Kind::Ratio);
    let _ = match key.default {
        "" => writeln!(out, "  {}:", key.name()),
        default if bare => writeln!(out, "  {}: {default}", key.name()),
        default => writeln!(out, "  {}: \"{default}\"", key.name()),
    };
}

/// The table of all keys, as Markdown: one table a section.
#[must_use]
pub fn key_table() -> String {
    let mut out = String::new();
    for section in SECTIONS {
        let _ = writeln!(out, "### `{}`\n\n{}\n", section.name, one_line(section.doc));
        out.push_str("| Key | Meaning | Takes | Default | Variables | Reload |\n|---|---|---|---|---|---|\n");
        section.keys.iter().for_each(|key| push_row(&mut out, key));
        out.push('\n');
    }
    out.truncate(out.trim_end().len());
    out.push('\n');
    out
}

fn push_row(out: &mut String, key: &Key) {
    let default = if key.default.is_empty() { key.default_in_words() } else { format!("`{}`", key.default) };
    let secret = key.secret.map(|name| format!("; secret `{name}`")).unwrap_or_default();
    let variables =
        key.variables().iter().rev().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let reload = if key.reload { "yes" } else { "restart" };
    let _ = writeln!(
        out,
        "| `{}` | {} | {} | {default} | {variables}{secret} | {reload} |",
        key.path,
        key.meaning(),
        key.kind.expected().replace('|', "\\|"),
    );
}
