//! The time of day, for ages on pages: "3 min ago" is told by the clock of the machine that makes the page.

use jiff::Timestamp;

#[expect(clippy::disallowed_methods, reason = "only shown to people; nothing is decided by it")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
