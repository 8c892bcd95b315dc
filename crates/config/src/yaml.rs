//! YAML, behind one door: a text becomes a tree of values with line numbers, or a reason with a line.
//!
//! The parser's own messages quote the file, which may hold secrets, so none of them is passed on: errors are
//! told apart by kind and described in words of our own.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::MergeKeyPolicy;
use serde_saphyr::{Error, Spanned};

use crate::value::Raw;

/// A node of the tree. No `Debug`: it may hold secrets.
pub(crate) enum Node {
    /// A single value; lists are one too, as no key takes any.
    Scalar(Raw),
    /// A mapping, in the order of the file.
    Mapping(Vec<Entry>),
}

/// A key of a mapping with its value.
pub(crate) struct Entry {
    pub(crate) name: String,
    /// The line of the key, from 1.
    pub(crate) line: u32,
    pub(crate) node: Node,
}

/// Why a text is not usable YAML.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) line: Option<u32>,
    pub(crate) reason: &'static str,
}

/// The entries of a document's mapping; an empty document has none.
pub(crate) fn parse(text: &str) -> Result<Vec<Entry>, YamlError> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_anchors: 0,
            max_aliases: 0,
            max_depth: 16,
            max_documents: 1,
            max_nodes: 20_000,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Node>(text, options) {
        Ok(Node::Mapping(entries)) => Ok(entries),
        Ok(Node::Scalar(Raw::Null)) => Ok(Vec::new()),
        Ok(Node::Scalar(_)) => Err(YamlError {
            line: Some(1),
            reason: "it holds no mapping; each line is KEY: VALUE, with a space after the colon",
        }),
        Err(error) => Err(describe(error.without_snippet())),
    }
}

fn describe(error: &Error) -> YamlError {
    let line =
        error.location().and_then(|location| u32::try_from(location.line()).ok()).filter(|line| *line > 0);
    YamlError { line, reason: reason(error) }
}

fn reason(error: &Error) -> &'static str {
    use serde_saphyr::budget::BudgetBreach as Breach;
    match error {
        Error::DuplicateMappingKey { .. } => "the same key stands twice in one mapping",
        Error::MultipleDocuments { .. } => "it holds more than one document (---)",
        Error::UnknownAnchor { .. } | Error::MergeKeyNotAllowed { .. } => {
            "anchors, aliases and merges are not taken"
        }
        Error::UnsupportedTag { .. } => "tags (!…) are not taken",
        Error::IndentationError { .. } => "the indentation is off",
        Error::Eof { .. } => "it ends too early",
        Error::Budget { breach, .. } => match breach {
            Breach::Anchors { .. } | Breach::Aliases { .. } | Breach::MergeKeys { .. } => {
                "anchors, aliases and merges are not taken"
            }
            Breach::Documents { .. } => "it holds more than one document (---)",
            Breach::Depth { .. } => "it is nested too deeply",
            _ => "it is too large",
        },
        Error::Message { msg, .. } | Error::ExternalMessage { msg, .. } => scanner_reason(msg),
        _ => "it is not valid YAML here",
    }
}

/// The scanner has free text only; these are the mistakes people make.
fn scanner_reason(message: &str) -> &'static str {
    const REASONS: [(&str, &str); 9] = [
        (
            "mapping values are not allowed",
            "a colon stands where none belongs: a value with a colon needs quotes, a key needs a space after its \
             colon and the indentation of its neighbours",
        ),
        ("tabs", "a tab stands where only spaces may; indent with spaces"),
        ("expected key", "the indentation is off, or a colon is missing"),
        ("unclosed quote", "a quote is not closed"),
        ("bracket", "a bracket or brace has no partner"),
        ("flow", "a bracket or brace is not closed"),
        ("illegal placement", "a bracket or brace is not closed"),
        ("unexpected character", "a value begins with a character that needs quotes around the value"),
        ("escape", "a backslash in double quotes begins an escape that does not exist; use single quotes"),
    ];
    let found = REASONS.iter().find(|(part, _)| message.contains(part));
    found.map_or("it is not valid YAML here; check indentation, colons and quotes", |(_, reason)| reason)
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Null))
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Boolean(value)))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Integer(value.into())))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Integer(value.into())))
    }

    fn visit_i128<E: de::Error>(self, value: i128) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Integer(value)))
    }

    fn visit_u128<E: de::Error>(self, _value: u128) -> Result<Node, E> {
        // Larger than any key takes; which number it is does not matter.
        Ok(Node::Scalar(Raw::Integer(i128::MAX)))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Float(value)))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Node, E> {
        Ok(Node::Scalar(Raw::Text(value.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Node::Scalar(Raw::List))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some((name, node)) = map.next_entry::<Spanned<String>, Node>()? {
            let line = u32::try_from(name.referenced.line()).unwrap_or(u32::MAX);
            entries.push(Entry { name: name.value, line, node });
        }
        Ok(Node::Mapping(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> YamlError {
        match parse(text) {
            Ok(_) => panic!("{text:?} was taken"),
            Err(error) => error,
        }
    }

    #[test]
    fn keys_have_lines_and_values_have_types() {
        let tree =
            parse("# c\na:\n  b: 1\n  c: no\n\nd: [1, 2]\ne:\nf: 0755\ng: '1'\nh: 1.5\n").expect("valid");
        let lines: Vec<_> = tree.iter().map(|entry| (entry.name.as_str(), entry.line)).collect();
        assert_eq!(lines, [("a", 2), ("d", 6), ("e", 7), ("f", 8), ("g", 9), ("h", 10)]);
        let Node::Mapping(inner) = &tree[0].node else { panic!("a is a mapping") };
        assert_eq!((inner[0].line, inner[1].line), (3, 4));
        let scalar = |node: &Node| if let Node::Scalar(raw) = node { raw.clone() } else { Raw::Mapping };
        assert!(scalar(&inner[0].node) == Raw::Integer(1));
        assert!(scalar(&inner[1].node) == Raw::Text("no".to_owned()), "no is text, not a boolean");
        assert!(scalar(&tree[1].node) == Raw::List && scalar(&tree[2].node) == Raw::Null);
        assert!(scalar(&tree[3].node) == Raw::Text("0755".to_owned()));
        assert!(scalar(&tree[4].node) == Raw::Text("1".to_owned()));
        assert!(matches!(scalar(&tree[5].node), Raw::Float(_)));
    }

    #[test]
    fn nothing_is_a_document_without_entries() {
        for text in ["", "# only a comment\n", "---\n", "\u{feff}"] {
            assert!(parse(text).expect("empty").is_empty(), "{text:?}");
        }
    }

    #[test]
    fn errors_name_line_and_reason() {
        let cases = [
            ("a: 1\na: 2\n", 2, "twice"),
            ("a: 1\n---\nb: 2\n", 2, "more than one document"),
            ("a: &x 1\nb: 2\n", 1, "anchors"),
            ("a: 1\nb: *x\n", 2, "anchors"),
            ("a:\n  <<: {b: 1}\n", 2, "anchors"),
            ("a: !secret x\n", 1, "tags"),
            ("a: b: c\n", 1, "quotes"),
            ("a:\n\tb: 1\n", 2, "spaces"),
            ("a: 'x\nb: 1\n", 1, "quote"),
            ("a: [1, 2\nb: 1\n", 2, "bracket"),
            ("a:\n    b: 1\n  c: 2\n", 3, "indentation"),
            ("a: @x\n", 1, "quotes"),
            ("just text\n", 1, "KEY: VALUE"),
            ("- a\n- b\n", 1, "KEY: VALUE"),
        ];
        for (text, line, part) in cases {
            let error = error(text);
            assert!(error.reason.contains(part), "{text:?}: {error:?}");
            assert!(error.line.is_some_and(|found| found.abs_diff(line) <= 1), "{text:?}: {error:?}");
        }
        assert_eq!(
            error(&format!("{}1{}", "{a: ".repeat(40), "}".repeat(40))).reason,
            "it is nested too deeply"
        );
    }
}
