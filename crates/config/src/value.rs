//! Values on their way from text to the typed configuration.
//!
//! Any of them may hold a secret, so none of them derives `Debug`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

use crate::{bytes, origin::Origin};

/// A scalar as a layer holds it, before its key's type is known.
#[derive(Clone, PartialEq)]
pub(crate) enum Raw {
    /// YAML's `null`, or nothing after the colon.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i128),
    /// A number that is not whole.
    Float(f64),
    /// Any text; environment variables and secrets are always text.
    Text(String),
    /// A list; no key takes one.
    List,
    /// A mapping where a single value belongs.
    Mapping,
}

impl fmt::Debug for Raw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Null => "Null",
            Self::Boolean(_) => "Boolean(…)",
            Self::Integer(_) => "Integer(…)",
            Self::Float(_) => "Float(…)",
            Self::Text(_) => "Text(…)",
            Self::List => "List",
            Self::Mapping => "Mapping",
        })
    }
}

/// A raw value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Setting {
    pub(crate) raw: Raw,
    pub(crate) origin: Origin,
}

/// The settings of one layer, or of several merged ones, by key (`server.port`).
pub(crate) type Settings = BTreeMap<&'static str, Setting>;

/// A value that fits its key.
#[derive(Clone)]
pub(crate) enum Value {
    /// Not set, which an optional key allows.
    Absent,
    Text(String),
    Integer(u64),
    Bytes(u64),
    Duration(Duration),
    Boolean(bool),
    Ratio(f64),
    /// An API key.
    Secret(SecretString),
    /// A URL that may hold a password.
    Url(SecretString),
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Absent, Self::Absent) => true,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) | (Self::Bytes(a), Self::Bytes(b)) => a == b,
            (Self::Duration(a), Self::Duration(b)) => a == b,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Ratio(a), Self::Ratio(b)) => a == b,
            (Self::Secret(a), Self::Secret(b)) | (Self::Url(a), Self::Url(b)) => {
                a.expose_secret() == b.expose_secret()
            }
            _ => false,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl Value {
    /// The value as people may see it: secrets redacted, "not set" when absent.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Absent => "not set".to_owned(),
            Self::Text(text) if crate::suspicious::is_secret(text) => {
                crate::redact::hidden(text.chars().count())
            }
            Self::Text(text) => text.clone(),
            Self::Integer(number) => number.to_string(),
            Self::Bytes(number) => bytes::format(*number),
            Self::Duration(duration) => taskward_core::duration::format(*duration),
            Self::Boolean(boolean) => boolean.to_string(),
            Self::Ratio(ratio) => ratio.to_string(),
            Self::Secret(secret) => crate::redact::key(secret.expose_secret()),
            Self::Url(url) => crate::redact::url(url.expose_secret()),
        }
    }

    /// The value as JSON, secrets redacted; sizes are numbers of bytes.
    pub(crate) fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Absent => serde_json::Value::Null,
            Self::Integer(number) | Self::Bytes(number) => json!(number),
            Self::Boolean(boolean) => json!(boolean),
            Self::Ratio(ratio) => json!(ratio),
            Self::Text(_) | Self::Duration(_) | Self::Secret(_) | Self::Url(_) => json!(self.shown()),
        }
    }
}

/// All values by key, each of the kind its key declares.
pub(crate) type Values = BTreeMap<&'static str, Value>;

/// How a field of a section takes its value. `None` means that the declared kind and the field's type do not
/// belong together, which a test over all sections excludes.
pub(crate) trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Absent => Some(None),
            value => T::from_value(value).map(Some),
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Text(text) = value { Some(text.clone()) } else { None }
    }
}

impl FromValue for PathBuf {
    fn from_value(value: &Value) -> Option<Self> {
        String::from_value(value).map(Self::from)
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Boolean(boolean) = value { Some(*boolean) } else { None }
    }
}

impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Ratio(ratio) = value { Some(*ratio) } else { None }
    }
}

impl FromValue for Duration {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Duration(duration) = value { Some(*duration) } else { None }
    }
}

impl FromValue for SecretString {
    fn from_value(value: &Value) -> Option<Self> {
        if let Value::Secret(secret) | Value::Url(secret) = value { Some(secret.clone()) } else { None }
    }
}

macro_rules! whole_number_from_value {
    ($($number:ty),+) => { $(
        impl FromValue for $number {
            fn from_value(value: &Value) -> Option<Self> {
                let (Value::Integer(number) | Value::Bytes(number)) = value else { return None };
                Self::try_from(*number).ok()
            }
        }
    )+ };
}
whole_number_from_value!(u16, u32, usize);
