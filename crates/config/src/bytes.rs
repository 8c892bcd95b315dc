//! Sizes as people write them: a whole number of bytes, or one with a unit, as in `256KiB`, `64MiB`.

/// Units from large to small. Only powers of 1024: `KB` means two things to two people.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

/// Reads `1024`, `1024B`, `256KiB`, `64MiB`, `1GiB`; `None` for everything else.
#[must_use]
pub fn parse(text: &str) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1,
        unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Writes a size with the largest unit that divides it: `256KiB`, `64MiB`, `1000B`.
#[must_use]
pub fn format(bytes: u64) -> String {
    let (name, factor) =
        UNITS.iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor)).unwrap_or(&("B", 1));
    format!("{}{name}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_sizes() {
        for (text, bytes) in
            [("0B", 0), ("1000B", 1000), ("256KiB", 262_144), ("64MiB", 67_108_864), ("1GiB", 1 << 30)]
        {
            assert_eq!(parse(text), Some(bytes), "{text}");
            assert_eq!(format(bytes), text);
        }
        assert_eq!(parse("4096"), Some(4096));
    }

    #[test]
    fn refuses_everything_else() {
        for text in
            ["", "KiB", "1KB", "1 KiB", "-1", "1.5MiB", "99999999999999999999", "99999999999GiB", "1kib"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
