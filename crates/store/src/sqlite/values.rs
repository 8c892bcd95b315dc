//! From values to columns, and the roundings that go with that.

use std::time::Duration;

use taskward_core::{OnConflict, Timestamp};

use crate::StoreError;

/// A moment from microseconds.
pub(super) fn moment(micros: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_microsecond(micros).map_err(|error| StoreError::Corrupt(error.to_string()))
}

/// A duration in milliseconds, the part below dropped.
pub(super) fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// How an `on_conflict` is stored.
pub(super) fn on_conflict_name(on_conflict: OnConflict) -> &'static str {
    match on_conflict {
        OnConflict::ReturnExisting => "return_existing",
        OnConflict::Reject => "reject",
    }
}

/// A list of texts as a JSON array.
pub(super) fn json_list(texts: &[String]) -> String {
    serde_json::json!(texts).to_string()
}

/// A number of rows, for a LIMIT.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
