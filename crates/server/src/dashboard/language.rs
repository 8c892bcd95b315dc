//! The languages of the dashboard: the browser's choice, unless somebody chose another on the page.

use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;

use super::cookies;
use super::texts::{CHINESE, ENGLISH, Texts};

/// Keeps the choice that was made on the page.
pub(super) const COOKIE: &str = "taskward_language";

/// A language that every text exists in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Chinese,
}

impl Language {
    const ALL: [Self; 2] = [Self::English, Self::Chinese];

    /// The language of a request.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let chosen = cookies::get(headers, COOKIE).and_then(Self::from_tag);
        let accepted = || headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        chosen.or_else(|| accepted().and_then(preferred)).unwrap_or(Self::English)
    }

    /// The tag as in `<html lang>`.
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Chinese => "zh-CN",
        }
    }

    /// Its name in itself.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Chinese => "中文",
        }
    }

    /// The language one can switch to.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::English => Self::Chinese,
            Self::Chinese => Self::English,
        }
    }

    pub(super) const fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::Chinese => &CHINESE,
        }
    }

    /// The language of a tag such as `zh-Hans-CN`: its first part decides.
    pub(super) fn from_tag(tag: &str) -> Option<Self> {
        let main = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        Self::ALL.into_iter().find(|language| main(language.tag()) == main(tag.trim()))
    }
}

/// The best of an `Accept-Language` (RFC 9110, 12.5.4): the highest weight, the first of several.
fn preferred(accepted: &str) -> Option<Language> {
    let mut best: Option<(Language, f32)> = None;
    for range in accepted.split(',').take(20) {
        let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
        let weight = parameters.trim().strip_prefix("q=").map_or(1.0, |q| q.trim().parse().unwrap_or(0.0));
        if let Some(language) = Language::from_tag(tag)
            && weight > best.map_or(0.0, |(_, weight)| weight)
        {
            best = Some((language, weight));
        }
    }
    best.map(|(language, _)| language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_weight_wins() {
        for (accepted, language) in [
            ("zh-CN,zh;q=0.9,en;q=0.8", Some(Language::Chinese)),
            ("en-GB,en;q=0.9,zh;q=0.8", Some(Language::English)),
            ("de,fr;q=0.9", None),
            ("de, zh;q=0.2, en;q=0.7", Some(Language::English)),
            ("zh;q=0, en;q=0.1", Some(Language::English)),
            ("ZH-hant", Some(Language::Chinese)),
            ("", None),
            ("en;q=x", None),
        ] {
            assert_eq!(preferred(accepted), language, "{accepted}");
        }
    }
}
