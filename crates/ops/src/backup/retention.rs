//! Which backups are kept.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use taskward_core::Timestamp;

/// How many backups are kept, one for each of the latest days, weeks and months that have one; days are UTC's, weeks
/// begin on Monday.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// For days.
    pub daily: usize,
    /// For weeks.
    pub weekly: usize,
    /// For months.
    pub monthly: usize,
}

impl Keep {
    /// Which of the moments, the latest first, are kept. The first always is.
    pub(super) fn kept(self, moments: &[Timestamp]) -> Vec<bool> {
        let (mut days, mut weeks, mut months) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let keeps =
            |seen: &mut BTreeSet<(i16, i8, i8)>, period, most| seen.len() < most && seen.insert(period);
        moments
            .iter()
            .enumerate()
            .map(|(place, moment)| {
                let date = moment.to_zoned(TimeZone::UTC).date();
                let week = date.iso_week_date();
                let day = keeps(&mut days, (date.year(), date.month(), date.day()), self.daily);
                let week = keeps(&mut weeks, (week.year(), week.week(), 0), self.weekly);
                let month = keeps(&mut months, (date.year(), date.month(), 0), self.monthly);
                place == 0 || day || week || month
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(keep: Keep, moments: &[&str]) -> Vec<String> {
        let parsed: Vec<Timestamp> = moments.iter().map(|moment| moment.parse().expect("a moment")).collect();
        let kept = keep.kept(&parsed);
        moments
            .iter()
            .zip(kept)
            .filter(|(_, kept)| *kept)
            .map(|(moment, _)| moment[..10].to_owned())
            .collect()
    }

    #[test]
    fn the_latest_of_each_day_week_and_month_are_kept() {
        let moments = [
            "2026-03-04T12:00:00Z", // Wednesday
            "2026-03-04T01:00:00Z",
            "2026-03-03T01:00:00Z",
            "2026-03-02T01:00:00Z",
            "2026-03-01T01:00:00Z", // the week before
            "2026-02-20T01:00:00Z",
            "2026-02-10T01:00:00Z",
            "2026-01-31T01:00:00Z",
            "2025-12-31T01:00:00Z",
        ];
        let keep = Keep { daily: 2, weekly: 2, monthly: 3 };
        let expected = ["2026-03-04", "2026-03-03", "2026-03-01", "2026-02-20", "2026-01-31"];
        assert_eq!(kept(keep, &moments), expected);
    }

    #[test]
    fn the_latest_is_kept_whatever_is_wanted() {
        let nothing = Keep { daily: 0, weekly: 0, monthly: 0 };
        assert_eq!(kept(nothing, &["2026-03-04T12:00:00Z", "2026-03-03T12:00:00Z"]), ["2026-03-04"]);
    }
}
