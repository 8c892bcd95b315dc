//! Durations as people write them: a whole number and a unit, as in `500ms`, `30s`, `5m`, `24h`, `7d`.
//!
//! The same notation is used on the wire, in the configuration and on the command line. Units may be
//! combined from large to small (`1h30m`). There are no fractions and no signs, so no rounding and no
//! negative durations either.

use std::time::Duration;

/// The largest duration accepted anywhere, ten years: far beyond any use, far below any overflow.
pub const MAX: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// Units from large to small, with their length in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseDurationError {
    /// The text has no number, no unit, an unknown unit, or units out of order.
    #[error("expected a duration such as \"500ms\", \"30s\", \"5m\" or \"24h\"")]
    Malformed,
    /// The duration is longer than [`MAX`].
    #[error("a duration may not be longer than 10 years")]
    TooLong,
}

/// Reads a duration such as `500ms`, `30s`, `1h30m`.
pub fn parse(text: &str) -> Result<Duration, ParseDurationError> {
    let mut rest = text;
    let mut total: u64 = 0;
    let mut next_unit = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let unit_len = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_alphabetic()).len();
        let (unit, tail) = tail.split_at(unit_len);
        let position = UNITS[next_unit..]
            .iter()
            .position(|(name, _)| *name == unit)
            .ok_or(ParseDurationError::Malformed)?
            + next_unit;
        if number.is_empty() {
            return Err(ParseDurationError::Malformed);
        }
        let number: u64 = number.parse().map_err(|_| ParseDurationError::TooLong)?;
        total = number
            .checked_mul(UNITS[position].1)
            .and_then(|ms| total.checked_add(ms))
            .ok_or(ParseDurationError::TooLong)?;
        next_unit = position + 1;
        rest = tail;
    }
    if next_unit == 0 {
        return Err(ParseDurationError::Malformed);
    }
    let duration = Duration::from_millis(total);
    if duration > MAX { Err(ParseDurationError::TooLong) } else { Ok(duration) }
}

/// Writes a duration with one unit, the largest that divides it and leaves at least two of it (one of it
/// for hours): `60s`, `90s`, `5m`, `1h`, `168h`. Parts below a millisecond are dropped.
pub fn format(duration: Duration) -> String {
    let ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    if ms == 0 {
        "0s".to_owned()
    } else if ms.is_multiple_of(3_600_000) {
        format!("{}h", ms / 3_600_000)
    } else if ms.is_multiple_of(60_000) && ms > 60_000 {
        format!("{}m", ms / 60_000)
    } else if ms.is_multiple_of(1_000) {
        format!("{}s", ms / 1_000)
    } else {
        format!("{ms}ms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_people_write() {
        let cases = [
            ("500ms", 500),
            ("30s", 30_000),
            ("5m", 300_000),
            ("24h", 86_400_000),
            ("7d", 604_800_000),
            ("1h30m", 5_400_000),
            ("1m500ms", 60_500),
            ("0s", 0),
        ];
        for (text, ms) in cases {
            assert_eq!(parse(text), Ok(Duration::from_millis(ms)), "{text}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        for text in ["", "5", "s", "-5s", "1.5s", "5 s", "5S", "5s5s", "5s1h", "5weeks", "１s", "5s "] {
            assert_eq!(parse(text), Err(ParseDurationError::Malformed), "{text}");
        }
        for text in ["99999999999999999999s", "4000d", "18446744073709551615d"] {
            assert_eq!(parse(text), Err(ParseDurationError::TooLong), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["0s", "500ms", "1500ms", "60s", "90s", "5m", "1h", "24h", "168h"] {
            assert_eq!(format(parse(text).expect(text)), text);
        }
    }
}
