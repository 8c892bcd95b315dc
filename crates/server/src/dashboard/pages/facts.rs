//! Names with their values.

use maud::{Markup, html};

/// A fact, in a row of `dl.facts`.
pub(super) fn fact(name: &str, value: &str) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}

/// A number that is looked at first, in a row of `dl.figures`.
pub(super) fn figure(name: &str, value: Markup) -> Markup {
    html! { div { dt { (name) } dd { (value) } } }
}
