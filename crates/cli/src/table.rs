//! Aligned columns, for people.

use comfy_table::{ContentArrangement, Table, presets};

use crate::output::printable;

/// Rows under a header, in columns as wide as their widest cell.
pub(crate) fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = plain();
    table.set_header(header.iter().map(|name| name.to_uppercase()));
    for row in rows {
        table.add_row(row.into_iter().map(|cell| one_line(&cell)));
    }
    trimmed(&table)
}

/// Names and values, one pair a line.
pub(crate) fn pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, String)>) -> String {
    let mut table = plain();
    for (name, value) in pairs {
        table.add_row([name.to_owned(), printable(&value)]);
    }
    trimmed(&table)
}

fn plain() -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table
}

fn trimmed(table: &Table) -> String {
    table
        .lines()
        .map(|line| line.strip_prefix(' ').unwrap_or(&line).trim_end().to_owned())
        .collect::<Vec<_>>()
        .join("\n")
}

/// A cell is one line, of a length that leaves room for the others.
fn one_line(text: &str) -> String {
    const CELL_MAX: usize = 100;
    let text = printable(&text.replace(['\n', '\t'], " "));
    match text.char_indices().nth(CELL_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
