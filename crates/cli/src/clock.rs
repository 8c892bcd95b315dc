//! The command line's clock.

use jiff::Timestamp;

/// The time now.
#[expect(clippy::disallowed_methods, reason = "this is where commands read the clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}
