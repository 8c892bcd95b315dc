//! The nearest known name, for "did you mean".

/// The candidate nearest to `name`, when one is near enough to be what was meant.
///
/// Case and the choice of `-`, `.` or `_` do not count as differences.
#[must_use]
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = normalise(name);
    let tolerance = (name.chars().count() / 4).max(2);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(&name, &normalise(candidate)), candidate))
        .filter(|(distance, candidate)| *distance <= tolerance && *distance < candidate.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn normalise(name: &str) -> String {
    name.chars()
        .take(128)
        .map(|c| if matches!(c, '-' | '.') { '_' } else { c.to_ascii_lowercase() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        let names = ["server.port", "server.host", "logging.level"];
        assert_eq!(nearest("server.prot", names), Some("server.port"));
        assert_eq!(nearest("SERVER_PORT", names), Some("server.port"));
        assert_eq!(nearest("something.else", names), None);
        assert_eq!(nearest("", ["ab"]), None);
    }
}
