//! The one error of the command line: what an operator has to know, and the exit code.

mod client;
mod config;
mod serve;
mod store;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::exit::Exit;

pub(crate) use client::Effect;

/// What is left behind by a command that failed before it did anything.
pub(crate) const UNCHANGED: &str = "nothing was changed";

/// Why a command failed.
#[derive(Debug, Clone)]
pub(crate) struct CliError {
    exit: Exit,
    code: String,
    message: String,
    why: Option<String>,
    state: String,
    next: Option<String>,
    /// What is printed beside the error with `-o json`: results of the part that succeeded.
    details: Map<String, Value>,
    silent: bool,
}

/// An error as it is printed with `-o json`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    code: &'a str,
    message: &'a str,
    why: Option<&'a str>,
    state: &'a str,
    next: Option<&'a str>,
    exit_code: Exit,
}

impl CliError {
    /// An error that left everything as it was.
    pub(crate) fn new(exit: Exit, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            exit,
            code: code.into(),
            message: message.into(),
            why: None,
            state: UNCHANGED.to_owned(),
            next: None,
            details: Map::new(),
            silent: false,
        }
    }

    /// Bad input, found before anything was done.
    pub(crate) fn usage(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message)
    }

    /// Whoever reads our output has closed it: there is nobody to tell, and nothing is wrong.
    pub(crate) fn reader_gone() -> Self {
        Self { silent: true, ..Self::new(Exit::Ok, "reader_gone", "the reader of the output is gone") }
    }

    /// With the cause.
    pub(crate) fn why(self, why: impl fmt::Display) -> Self {
        Self { why: Some(why.to_string()), ..self }
    }

    /// With what is left behind.
    pub(crate) fn state(self, state: impl Into<String>) -> Self {
        Self { state: state.into(), ..self }
    }

    /// With a command that helps, ready to be pasted.
    pub(crate) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    /// With something that is printed beside the error with `-o json`.
    pub(crate) fn detail(mut self, name: &str, value: impl Serialize) -> Self {
        self.details.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.code
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Whether nothing is to be printed.
    pub(crate) fn is_silent(&self) -> bool {
        self.silent
    }

    /// The one document of a failed command.
    pub(crate) fn document(&self) -> Value {
        let error = Document {
            code: &self.code,
            message: &self.message,
            why: self.why.as_deref(),
            state: &self.state,
            next: self.next.as_deref(),
            exit_code: self.exit,
        };
        let mut document = Value::Object(self.details.clone());
        document["error"] = json!(error);
        document
    }

    /// The lines below the message: name and text.
    pub(crate) fn lines(&self) -> Vec<(&'static str, &str)> {
        let why = self.why.as_deref().map(|why| ("why", why));
        let next = self.next.as_deref().map(|next| ("next", next));
        why.into_iter().chain([("state", self.state.as_str())]).chain(next).collect()
    }
}
