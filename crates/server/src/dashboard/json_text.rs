//! JSON as people read it: indented, every character of its values as it came. Parsing and writing again would
//! change digits and the order of keys.

/// More of a document than this is not shown on a page.
pub(super) const SHOWN_BYTES_MAX: usize = 32 * 1024;

/// Indents JSON text; cut where the text becomes longer than a page should have. Says whether it was cut.
pub(super) fn indented(json: &str) -> (String, bool) {
    let mut text = String::with_capacity(json.len().min(SHOWN_BYTES_MAX) * 5 / 4);
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    let mut characters = json.chars().filter(|c| !c.is_ascii_whitespace() || *c == ' ').peekable();
    while let Some(character) = characters.next() {
        if text.len() >= SHOWN_BYTES_MAX {
            return (text, true);
        }
        if in_string {
            text.push(character);
            (in_string, escaped) = (escaped || character != '"', !escaped && character == '\\');
            continue;
        }
        match character {
            ' ' => {}
            '"' => {
                in_string = true;
                text.push('"');
            }
            '{' | '[' => {
                text.push(character);
                while characters.next_if_eq(&' ').is_some() {}
                if characters.peek().is_some_and(|next| !matches!(next, '}' | ']')) {
                    depth += 1;
                    new_line(&mut text, depth);
                } else if let Some(end) = characters.next() {
                    text.push(end);
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                new_line(&mut text, depth);
                text.push(character);
            }
            ',' => {
                text.push(',');
                new_line(&mut text, depth);
            }
            ':' => text.push_str(": "),
            other => text.push(other),
        }
    }
    (text, false)
}

fn new_line(text: &mut String, depth: usize) {
    text.push('\n');
    // JSON that is nested a hundred levels deep would else be mostly white.
    text.extend(std::iter::repeat_n("  ", depth.min(20)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stay_as_they_came() {
        let json = "{\"b\": [1.50, {}, [ ]],\n\"a\\\"{\":\"x, y: \\\\\" , \"n\":12345678901234567890}";
        let (text, cut) = indented(json);
        assert!(!cut);
        let expected = "{\n  \"b\": [\n    1.50,\n    {},\n    []\n  ],\n  \"a\\\"{\": \"x, y: \\\\\",\n  \"n\": 12345678901234567890\n}";
        assert_eq!(text, expected);
        assert_eq!(indented("\"just a text\"").0, "\"just a text\"");
        assert_eq!(indented("null").0, "null");
    }

    #[test]
    fn what_is_too_long_is_cut() {
        let (text, cut) = indented(&format!("\"{}\"", "ü".repeat(SHOWN_BYTES_MAX)));
        assert!(cut && text.len() <= SHOWN_BYTES_MAX + 4);
    }
}
