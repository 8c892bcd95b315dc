//! The chapter "configuration": is it right, what is it, what does a key mean.
//!
//! The answers are values with a text form (`Display`) and a JSON form (`Serialize`); neither holds a secret.

mod check;
mod explain;
mod show;

pub use check::{CheckReport, CheckStatus, check};
pub use explain::{Explanation, UnknownKey, explain};
pub use show::{Shown, ShownValue, show};
