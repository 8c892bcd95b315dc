//! Numbers, times and names as people read them. What is not known is said to be, and never shown as nought.

use jiff::{Timestamp, Unit};
use maud::{Markup, html};
use taskward_api::{AlertUnit, TaskState};

use super::texts::{Texts, fill};

/// A count, its thousands apart: `1,234,567`.
pub(crate) fn count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// How often a second: `0`, `0.03`, `4.2`, `1,234`.
pub(crate) fn rate(per_second: f64) -> String {
    match per_second {
        rate if rate <= 0.0 => "0".to_owned(),
        rate if rate < 0.01 => "<0.01".to_owned(),
        rate if rate < 1.0 => format!("{rate:.2}"),
        rate if rate < 100.0 => format!("{rate:.1}"),
        rate => count(rate.round() as u64),
    }
}

/// A share of 1: `0 %`, `0.4 %`, `12 %`.
pub(crate) fn share(share: f64) -> String {
    match share * 100.0 {
        percent if percent <= 0.0 => "0 %".to_owned(),
        percent if percent < 0.01 => "<0.01 %".to_owned(),
        percent if percent < 1.0 => format!("{percent:.2} %"),
        // What is not all must not look like all.
        percent if percent < 100.0 => format!("{:.1} %", (percent * 10.0).floor() / 10.0),
        _ => "100 %".to_owned(),
    }
}

/// A time span, two units at most: `4.2 ms`, `12.4 s`, `3 min 20 s`, `5 h 12 min`, `3 d 4 h`.
pub(crate) fn seconds(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let two = |large: u64, first: &str, small: u64, second: &str| match small {
        0 => format!("{large} {first}"),
        small => format!("{large} {first} {small} {second}"),
    };
    match seconds {
        s if s <= 0.0 => "0 s".to_owned(),
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => two(whole / 60, "min", whole % 60, "s"),
        s if s < 86_400.0 => two(whole / 3600, "h", whole % 3600 / 60, "min"),
        _ => two(whole / 86_400, "d", whole % 86_400 / 3600, "h"),
    }
}

/// A number of an alert. A flag has none: its state says it all.
pub(crate) fn measured(value: f64, unit: AlertUnit) -> Option<String> {
    match unit {
        AlertUnit::Seconds => Some(seconds(value)),
        AlertUnit::Share => Some(share(value)),
        AlertUnit::Count => Some(count(value.max(0.0).round() as u64)),
        AlertUnit::Bytes => Some(mebibytes(value.max(0.0) as u64)),
        AlertUnit::Flag => None,
    }
}

/// A size: `912 B`, `64 KiB`.
pub(crate) fn bytes(bytes: usize) -> String {
    if bytes < 1024 { format!("{bytes} B") } else { format!("{} KiB", bytes / 1024) }
}

/// Memory, of which less than a mebibyte is nothing.
pub(crate) fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", count(bytes >> 20))
}

/// What is known, or that nothing is.
pub(crate) fn known<T>(value: Option<T>, shown: impl FnOnce(T) -> String, texts: &Texts) -> Markup {
    html! {
        @match value {
            Some(value) => (shown(value)),
            None => span.unknown { (texts.no_data) },
        }
    }
}

/// A moment, in UTC to the second. The script adds the reader's own time.
pub(crate) fn moment(at: Timestamp) -> Markup {
    let whole = at.round(Unit::Second).unwrap_or(at);
    let text = whole.to_string();
    html! { time datetime=(at.to_string()) { (text.replacen('T', " ", 1).trim_end_matches('Z')) } }
}

/// How long ago a moment was.
pub(crate) fn age(at: Timestamp, now: Timestamp, texts: &Texts) -> String {
    let elapsed = now.duration_since(at).as_secs_f64();
    fill(texts.ago, &[("time", &seconds(elapsed.max(0.0).round()))])
}

/// A state with its colour and its name.
pub(crate) fn state(state: TaskState, texts: &Texts) -> Markup {
    html! { span class=(format!("state state-{}", state.as_str())) { (state_name(state, texts)) } }
}

/// A state's name.
pub(crate) fn state_name(state: TaskState, texts: &Texts) -> &'static str {
    match state {
        TaskState::Scheduled => texts.state_scheduled,
        TaskState::Available => texts.state_available,
        TaskState::Running => texts.state_running,
        TaskState::Completed => texts.state_completed,
        TaskState::Cancelled => texts.state_cancelled,
        TaskState::Dead => texts.state_dead,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let counts = [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")];
        counts.into_iter().for_each(|(number, text)| assert_eq!(count(number), text));
        let rates = [(0.0, "0"), (0.004, "<0.01"), (0.5, "0.50"), (12.34, "12.3"), (1234.5, "1,235")];
        rates.into_iter().for_each(|(number, text)| assert_eq!(rate(number), text));
        let shares = [(0.0, "0 %"), (0.0042, "0.42 %"), (0.9999, "99.9 %"), (1.0, "100 %")];
        shares.into_iter().for_each(|(number, text)| assert_eq!(share(number), text));
    }

    #[test]
    fn spans_have_two_units_at_most() {
        for (span, text) in [
            (0.0, "0 s"),
            (0.0042, "4.2 ms"),
            (0.25, "250 ms"),
            (12.44, "12.4 s"),
            (200.0, "3 min 20 s"),
            (3600.0, "1 h"),
            (18_720.0, "5 h 12 min"),
            (273_600.0, "3 d 4 h"),
        ] {
            assert_eq!(seconds(span), text);
        }
    }

    #[test]
    fn moments_are_told_to_the_second() {
        let at: Timestamp = "2026-11-22T21:06:41.638157Z".parse().expect("a moment");
        let told = moment(at).into_string();
        assert_eq!(told, "<time datetime=\"2026-11-22T21:06:41.638157Z\">2026-11-22 21:06:42</time>");
    }
}
