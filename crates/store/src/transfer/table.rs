//! Tables and values as both databases can say them.

use sha2::{Digest, Sha256};

/// A value, in the form that SQLite keeps: ids are their 16 bytes, moments microseconds since the Unix epoch, lists of
/// texts their JSON.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Integer(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

impl Eq for Value {}

/// The values of a row, or of its key.
pub(crate) type Row = Vec<Value>;

/// What a column holds, as far as PostgreSQL tells more than SQLite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Id,
    Moment,
    Truth,
    Small,
    Medium,
    Large,
    Real,
    Text,
    Texts,
    Bytes,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// `None` where only SQLite has been asked.
    pub(crate) kind: Option<Kind>,
    /// Where one database keeps NULL and the other an empty list: errors of tasks.
    pub(crate) empty_is_null: bool,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// In the order of names.
    pub(crate) columns: Vec<Column>,
    /// The columns of the primary key; none for tables that are read as a whole, in a form of their own.
    pub(crate) key: Vec<String>,
}

impl Table {
    /// A table; columns may come in any order.
    pub(crate) fn new(name: &str, mut columns: Vec<(String, Option<Kind>)>, key: Vec<String>) -> Self {
        columns.sort_by(|one, other| one.0.cmp(&other.0));
        let is_empty_null = |column: &str| matches!(name, "tasks" | "history") && column == "errors";
        let columns = columns
            .into_iter()
            .map(|(name, kind)| Column { empty_is_null: is_empty_null(&name), name, kind })
            .collect();
        Self { name: name.to_owned(), columns, key }
    }

    /// The two tables that the databases keep in different forms, in a form that both can be brought to.
    pub(crate) fn whole(name: &str) -> Option<Self> {
        let columns: &[(&str, Kind)] = match name {
            "queues" => &[("name", Kind::Text), ("paused", Kind::Truth), ("paused_at", Kind::Moment)],
            "queue_counts" => &[("count", Kind::Large), ("queue", Kind::Text), ("state", Kind::Text)],
            _ => return None,
        };
        let columns = columns.iter().map(|(name, kind)| ((*name).to_owned(), Some(*kind))).collect();
        Some(Self::new(name, columns, Vec::new()))
    }

    /// Whether it is read as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.key.is_empty()
    }

    /// The same table as the other database knows it, with what is known of its columns there; or why that does not fit.
    pub(super) fn fit(mut self, other: Self) -> Result<Self, String> {
        let names = |table: &Self| table.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        let (ours, theirs) = (names(&self), names(&other));
        let only_ours = ours.iter().find(|name| !theirs.contains(name));
        let only_theirs = theirs.iter().find(|name| !ours.contains(name));
        if let Some(name) = only_ours.or(only_theirs) {
            return Err(format!("only one side has {}.{name}", self.name));
        }
        for (column, theirs) in self.columns.iter_mut().zip(other.columns) {
            column.kind = column.kind.or(theirs.kind);
        }
        Ok(self)
    }

    /// The names of its columns, for a statement.
    pub(crate) fn column_list(&self) -> String {
        self.columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// The key of a row.
    pub(super) fn key_of(&self, row: &[Value]) -> Row {
        let place = |name: &String| self.columns.iter().position(|column| column.name == *name);
        self.key.iter().filter_map(place).map(|at| row[at].clone()).collect()
    }
}

/// How much memory a row takes, about.
pub(super) fn weight(row: &[Value]) -> usize {
    row.iter()
        .map(|value| match value {
            Value::Text(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 8,
        })
        .sum()
}

/// The first 16 bytes of the SHA-256 of a row.
pub(super) fn hash(row: &[Value]) -> u128 {
    let mut hasher = Sha256::new();
    let mut put = |tag: u8, bytes: &[u8]| {
        hasher.update([tag]);
        hasher.update((bytes.len() as u64).to_be_bytes());
        hasher.update(bytes);
    };
    for value in row {
        match value {
            Value::Null => put(0, &[]),
            Value::Integer(number) => put(1, &number.to_be_bytes()),
            Value::Real(number) => put(2, &number.to_bits().to_be_bytes()),
            Value::Text(text) => put(3, text.as_bytes()),
            Value::Bytes(bytes) => put(4, bytes),
        }
    }
    let digest: [u8; 32] = hasher.finalize().into();
    digest[..16].iter().fold(0, |number, byte| number << 8 | u128::from(*byte))
}

/// A key as text, to be kept in the target. Only what keys are made of.
pub(crate) fn encode_key(key: &[Value]) -> String {
    let texts: Vec<String> = key
        .iter()
        .map(|value| match value {
            Value::Null | Value::Real(_) => "n".to_owned(),
            Value::Integer(number) => format!("i{number}"),
            Value::Text(text) => format!("t{text}"),
            Value::Bytes(bytes) => {
                bytes.iter().fold("b".to_owned(), |text, byte| format!("{text}{byte:02x}"))
            }
        })
        .collect();
    serde_json::json!(texts).to_string()
}

/// A key from what [`encode_key`] made of it.
pub(crate) fn decode_key(text: &str) -> Option<Row> {
    let texts: Vec<String> = serde_json::from_str(text).ok()?;
    let value = |text: &String| {
        let rest = text.get(1..)?;
        Some(match text.as_bytes()[0] {
            b'i' => Value::Integer(rest.parse().ok()?),
            b't' => Value::Text(rest.to_owned()),
            b'b' => Value::Bytes(
                (0..rest.len() / 2)
                    .map(|at| u8::from_str_radix(rest.get(2 * at..2 * at + 2)?, 16).ok())
                    .collect::<Option<_>>()?,
            ),
            b'n' => Value::Null,
            _ => return None,
        })
    };
    texts.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_being_kept() {
        let key = vec![Value::Bytes(vec![0, 255, 16]), Value::Text("a\"ü".to_owned()), Value::Integer(-7)];
        assert_eq!(decode_key(&encode_key(&key)), Some(key));
        assert_eq!(decode_key("[\"x1\"]"), None);
    }

    #[test]
    fn hashes_tell_rows_apart() {
        let text = |text: &str| Value::Text(text.to_owned());
        let rows = [
            vec![text("ab"), text("c")],
            vec![text("a"), text("bc")],
            vec![Value::Null, Value::Null],
            vec![Value::Integer(0), Value::Null],
            vec![Value::Bytes(Vec::new()), text("")],
        ];
        for (at, row) in rows.iter().enumerate() {
            let same: Vec<_> = rows.iter().filter(|other| hash(other) == hash(row)).collect();
            assert_eq!(same, [&rows[at]]);
        }
    }

    #[test]
    fn columns_of_one_side_only_do_not_fit() {
        let table = |names: &[&str], kind: Option<Kind>| {
            let columns = names.iter().map(|name| ((*name).to_owned(), kind)).collect();
            Table::new("t", columns, vec!["a".to_owned()])
        };
        let fitted = table(&["b", "a"], None).fit(table(&["a", "b"], Some(Kind::Text))).expect("fits");
        assert_eq!(fitted, table(&["a", "b"], Some(Kind::Text)));
        for other in [&["a"][..], &["a", "b", "c"]] {
            let refused = table(&["a", "b"], None).fit(table(other, None)).expect_err("refused");
            assert!(refused.contains("only one side has t."), "{refused}");
        }
    }
}
