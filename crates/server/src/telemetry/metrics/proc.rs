//! Reading the kernel's files.

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Microseconds of a second, as the kernel counts pressure and throttling.
pub(super) const MICROS: f64 = 1_000_000.0;

/// What nearly all of these files fit into. None of them says how long it is, so more room would be found in small steps,
/// a call each.
const USUAL_BYTES: usize = 8192;

/// A file as text, or nothing where it cannot be read.
pub(super) fn read(path: impl AsRef<Path>) -> Option<String> {
    let mut text = String::with_capacity(USUAL_BYTES);
    File::open(path).ok()?.read_to_string(&mut text).ok()?;
    Some(text)
}

/// The number after this name, on a line of its own: `MemTotal:   1234 kB`, `read_bytes: 5`.
pub(super) fn named(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| number(line.strip_prefix(name)?.strip_prefix([':', ' '])?))
}

/// The first word as a number.
pub(super) fn number(text: &str) -> Option<f64> {
    text.split_whitespace().next()?.parse().ok()
}

/// Clock ticks as seconds.
pub(super) fn seconds(ticks: f64) -> f64 {
    ticks / rustix::param::clock_ticks_per_second() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_by_their_whole_name() {
        let text = "MemTotal:        8052 kB\nMemFree: 1 kB\nSwapTotal: none\nusage_usec 77\n";
        assert_eq!(named(text, "MemTotal"), Some(8052.0));
        assert_eq!(named(text, "usage_usec"), Some(77.0));
        for absent in ["Mem", "SwapTotal", "Total"] {
            assert_eq!(named(text, absent), None, "{absent}");
        }
    }
}
