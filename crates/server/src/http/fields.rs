//! Checks of single fields. All that is wrong with a request is told at once.

use std::time::Duration;

use taskward_api::{FieldError, HumanDuration, Problem};

use super::body::without_position;
use super::error::ApiError;
use super::readable;

/// What is wrong with a request so far.
#[derive(Default)]
pub(crate) struct Fields(Vec<FieldError>);

impl Fields {
    pub(crate) fn refuse(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// A name: `1..=max` characters, none of them a control character.
    pub(crate) fn name(&mut self, field: &str, value: &str, max: usize) {
        let length = value.chars().count();
        if length == 0 || length > max {
            self.refuse(field, format!("must have 1 to {max} characters, has {length}"));
        } else if value.chars().any(char::is_control) {
            self.refuse(field, "may not contain control characters");
        }
    }

    /// A whole number within bounds.
    pub(crate) fn number(
        &mut self,
        field: &str,
        value: Option<i64>,
        default: u32,
        bounds: (u32, u32),
    ) -> u32 {
        let Some(value) = value else { return default };
        match u32::try_from(value) {
            Ok(number) if (bounds.0..=bounds.1).contains(&number) => number,
            _ => {
                self.refuse(field, format!("must be between {} and {}, is {value}", bounds.0, bounds.1));
                default
            }
        }
    }

    /// A number within bounds.
    pub(crate) fn real(&mut self, field: &str, value: Option<f64>, default: f64, bounds: (f64, f64)) -> f64 {
        match value {
            None => default,
            Some(value) if value >= bounds.0 && value <= bounds.1 => value,
            Some(value) => {
                self.refuse(field, format!("must be between {} and {}, is {value}", bounds.0, bounds.1));
                default
            }
        }
    }

    /// A duration within bounds.
    pub(crate) fn duration(
        &mut self,
        field: &str,
        value: Option<HumanDuration>,
        default: Duration,
        bounds: (Duration, Duration),
    ) -> Duration {
        let value = value.map_or(default, |value| value.0);
        if value < bounds.0 || value > bounds.1 {
            let (min, max) = (HumanDuration(bounds.0), HumanDuration(bounds.1));
            self.refuse(field, format!("must be between {min} and {max}, is {}", HumanDuration(value)));
        }
        value
    }

    /// A list of names.
    pub(crate) fn names(
        &mut self,
        field: &str,
        values: &[String],
        bounds: (usize, usize),
        length_max: usize,
    ) {
        if values.len() < bounds.0 || values.len() > bounds.1 {
            self.refuse(
                field,
                format!("must have {} to {} entries, has {}", bounds.0, bounds.1, values.len()),
            );
            return;
        }
        for (index, value) in values.iter().enumerate() {
            self.name(&format!("{field}[{index}]"), value, length_max);
        }
    }

    /// JSON that is passed through.
    pub(crate) fn json(&mut self, field: &str, json: &taskward_api::Json) {
        if let Err(error) = readable::check(json) {
            self.refuse(field, format!("is not JSON that everybody can read: {}", without_position(&error)));
        }
    }

    /// JSON that must be an object of at most `max` bytes.
    pub(crate) fn object(&mut self, field: &str, json: &taskward_api::Json, max: usize) {
        if !json.get().starts_with('{') {
            self.refuse(field, "must be an object");
        } else if json.get().len() > max {
            self.refuse(field, format!("may have at most {max} bytes of JSON, has {}", json.get().len()));
        } else {
            self.json(field, json);
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn done(self) -> Result<(), ApiError> {
        if self.0.is_empty() { Ok(()) } else { Err(Problem::validation(self.0).into()) }
    }
}
