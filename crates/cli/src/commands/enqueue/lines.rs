//! Lines of an input, as payloads.

use std::io::{self, BufRead, Read};

use serde::Serialize;
use serde_json::value::to_raw_value;
use taskward_client::Json;

use crate::input;

/// How long a line may be: far longer than any payload a service takes.
const LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Text: the payload is the line as a string.
    Text,
    /// JSON: the payload is the line. Blank lines are skipped.
    Json,
}

/// A line that cannot be used.
#[derive(Debug, Clone, Serialize)]
pub(super) struct BadLine {
    /// Its number, from 1.
    pub(super) line: u64,
    /// What is wrong with it.
    pub(super) message: String,
}

/// Reads payloads one by one, with the numbers of their lines.
#[derive(Debug)]
pub(super) struct Payloads<R> {
    input: R,
    form: Form,
    line: u64,
}

impl<R: BufRead> Payloads<R> {
    pub(super) fn new(input: R, form: Form) -> Self {
        Self { input, form, line: 0 }
    }

    fn parse(&self, bytes: &[u8]) -> Result<Json, BadLine> {
        let bad = |message: String| BadLine { line: self.line, message };
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text".to_owned()))?;
        match self.form {
            Form::Text => to_raw_value(text).map_err(|error| bad(error.to_string())),
            Form::Json => input::json_text(text.trim()).map_err(|why| bad(format!("it is not JSON: {why}"))),
        }
    }
}

impl<R: BufRead> Iterator for Payloads<R> {
    /// A number and a payload, or why there is none.
    type Item = Result<(u64, Json), BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line += 1;
            let bytes = match read_line(&mut self.input) {
                Ok(Some(bytes)) => bytes,
                Ok(None) => return None,
                Err(error) => return Some(Err(BadLine { line: self.line, message: error.to_string() })),
            };
            if self.form == Form::Text || !bytes.trim_ascii().is_empty() {
                return Some(self.parse(&bytes).map(|payload| (self.line, payload)));
            }
        }
    }
}

/// A line without its end, `\n` or `\r\n`; `None` at the end of the input.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    let read = input.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut bytes)?;
    if read == 0 {
        return Ok(None);
    }
    if bytes.pop_if(|last| *last == b'\n').is_some() {
        bytes.pop_if(|last| *last == b'\r');
    } else if u64::try_from(read).unwrap_or(u64::MAX) == LINE_BYTES_MAX {
        return Err(io::Error::other("it is longer than 16 MiB"));
    }
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8], form: Form) -> Vec<Result<(u64, String), u64>> {
        Payloads::new(input, form)
            .map(|item| item.map(|(line, json)| (line, json.get().to_owned())).map_err(|bad| bad.line))
            .collect()
    }

    #[test]
    fn a_line_is_a_string_without_its_end() {
        let found = read(b"a\r\n\n \"q\"\nlast", Form::Text);
        let expected = [(1, r#""a""#), (2, r#""""#), (3, r#"" \"q\"""#), (4, r#""last""#)];
        assert_eq!(found, expected.map(|(line, text)| Ok((line, text.to_owned()))));
        assert!(read(b"", Form::Text).is_empty());
    }

    #[test]
    fn json_lines_keep_their_text_and_blank_ones_are_skipped() {
        let found = read(b"{\"a\": 1e2}\n\n  \n[\n7", Form::Json);
        assert_eq!(found, [Ok((1, "{\"a\": 1e2}".to_owned())), Err(4), Ok((5, "7".to_owned()))]);
        assert_eq!(read(b"ok\n\xff\n", Form::Text)[1], Err(2));
    }
}
