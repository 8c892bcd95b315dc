//! Lists of pairs as OpenTelemetry's variables write them: `NAME=VALUE,NAME=VALUE`, the values percent-encoded.

use crate::redact;

/// The pairs, decoded; `None` when the text is not such a list, or has no pair at all.
pub(crate) fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let written = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs: Option<Vec<_>> = written.map(pair).collect();
    pairs.filter(|pairs| !pairs.is_empty())
}

/// Names are those that HTTP headers may have, values the text that they may have.
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let (name, value) = (name.trim(), redact::percent_decode(value.trim()));
    let in_names = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let valid =
        !name.is_empty() && name.bytes().all(in_names) && value.bytes().all(|b| (0x20..0x7f).contains(&b));
    valid.then(|| (name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart_and_decoded() {
        let pairs = parse(" authorization=Basic%20YWJj== ,x-tenant=a%2Cb,").expect("a list");
        let expected = [("authorization", "Basic YWJj=="), ("x-tenant", "a,b")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        for bad in ["", ",", "name", "=value", "na me=value", "name=a%0Ab", "name=ü"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
