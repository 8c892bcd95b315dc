//! Lines of a bounded length.

use std::io::{self, BufRead};

/// Bytes of a line; the rest of a longer one is skipped.
pub(super) const LINE_BYTES_MAX: usize = 256 * 1024;

/// Reads the next line into `line`, without its end. Returns how many bytes it took from the input, 0 at the end,
/// and whether the line was ended by a line break.
pub(super) fn next_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<(u64, bool)> {
    line.clear();
    let mut taken = 0;
    loop {
        let available = match input.fill_buf() {
            Ok(available) => available,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if available.is_empty() {
            return Ok((taken, false));
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = &available[..end.unwrap_or(available.len())];
        let room = LINE_BYTES_MAX.saturating_sub(line.len());
        line.extend_from_slice(&part[..part.len().min(room)]);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        taken += used as u64;
        if end.is_some() {
            return Ok((taken, true));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    #[test]
    fn long_lines_are_cut_and_the_next_one_is_whole() {
        let long = "x".repeat(LINE_BYTES_MAX + 10);
        let text = format!("a\n{long}\nb\nrest");
        let mut input = BufReader::with_capacity(100, text.as_bytes());
        let mut line = Vec::new();
        let mut lengths = Vec::new();
        loop {
            let (taken, whole) = next_line(&mut input, &mut line).expect("read");
            if taken == 0 {
                break;
            }
            lengths.push((line.len(), whole));
        }
        assert_eq!(lengths, [(1, true), (LINE_BYTES_MAX, true), (1, true), (4, false)]);
    }
}
