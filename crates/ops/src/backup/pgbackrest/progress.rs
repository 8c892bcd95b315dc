//! How far pgBackRest is. It says of each file, once it is copied, how large that is and which part of all bytes is copied
//! with it: `backup file /data/base/5/16384 (234.4MB, 78.95%) checksum …`.

use crate::backup::Progress;

/// What its lines have told so far.
#[derive(Debug, Default)]
pub(super) struct Copied {
    bytes: u64,
}

impl Copied {
    /// How far it is after this line; `None` when the line is about something else.
    pub(super) fn after(&mut self, line: &str) -> Option<Progress> {
        let (size, hundredths) = file_in(line)?;
        self.bytes += size;
        if hundredths == 0 {
            return None;
        }
        // How much it is altogether it says at the end only.
        let total = u128::from(self.bytes) * 10_000 / u128::from(hundredths);
        let total = u64::try_from(total).unwrap_or(u64::MAX).max(self.bytes);
        Some(Progress::Bytes { done: self.bytes, total })
    }
}

/// The size of the file that a line is about, and how many hundredths of a percent are copied with it. A file that is
/// bundled with others has something before its size.
fn file_in(line: &str) -> Option<(u64, u64)> {
    let (before, _) = line.split_once("%)")?;
    let mut parts = before.rsplit_once('(')?.1.rsplit(", ");
    let percent = parts.next()?.trim();
    let (whole, fraction) = percent.split_once('.').unwrap_or((percent, "00"));
    let hundredths =
        whole.parse::<u64>().ok()? * 100 + format!("{fraction:0<2}").get(..2)?.parse::<u64>().ok()?;
    Some((bytes(parts.next()?.trim())?, hundredths))
}

/// `768KB`, `33.8MB`, `8B`: to a tenth of its unit.
fn bytes(text: &str) -> Option<u64> {
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let shift = ["B", "KB", "MB", "GB", "TB", "PB"].iter().position(|known| *known == unit)? * 10;
    let number = text.strip_suffix(unit)?;
    let (whole, tenths) = number.split_once('.').unwrap_or((number, "0"));
    let tenths = whole.parse::<u64>().ok()?.checked_mul(10)?.checked_add(tenths.parse().ok()?)?;
    Some(tenths.checked_mul(1 << shift)? / 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_add_up_to_what_there_is() {
        let mut copied = Copied::default();
        let mut after = |line: &str| match copied.after(line) {
            Some(Progress::Bytes { done, total }) => Some((done, total)),
            _ => None,
        };
        assert_eq!(
            after("P00   INFO: backup start archive = 000000010000000000000014, lsn = 0/14000028"),
            None
        );
        let half = "P01 DETAIL: backup file /d/base/5/16384 (512MB, 50.00%) checksum 0103bf13";
        assert_eq!(after(half), Some((512 << 20, 1 << 30)));
        let bundled =
            "P02 DETAIL: backup file host:/d/base/5/1249 (bundle 1/32, 256.5MB, 75.05%) checksum 5e4f";
        assert_eq!(after(bundled).map(|(done, _)| done), Some((768 << 20) + (1 << 19)));
        let kept = "P01 DETAIL: restore file /d/a(1) - exists and matches backup (8KB, 100%) checksum 23ec";
        let (done, total) = after(kept).expect("about a file");
        assert_eq!(done, total);
    }

    #[test]
    fn what_is_about_no_file_is_passed_over() {
        for line in [
            "P00 DETAIL: create path '/d/base'",
            "50%)",
            "(x, 50%)",
            "(8XB, 50%)",
            "(8KB, x%)",
            "(50%)",
            "(-8KB, 1%)",
        ] {
            assert_eq!(Copied::default().after(line), None, "{line}");
        }
        assert_eq!(
            Copied::default().after("P01 DETAIL: backup file /d/x (0B, 0.00%)"),
            None,
            "nothing is known yet"
        );
    }
}
