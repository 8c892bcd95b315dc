//! The one error of the command line: what an operator has to know, and the exit code.

mod backup;
mod client;
mod config;
mod serve;
mod store;
mod swap;
mod transfer;

use std::fmt;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::exit::Exit;

pub(crate) use client::Effect;
pub(crate) use transfer::MoveSides;

/// What is left behind by a command that failed before it did anything.
pub(crate) const UNCHANGED: &str = "nothing was changed";

/// Why a command failed.
#[derive(Debug, Clone)]
pub(crate) struct CliError(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
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
        Self(Box::new(Parts {
            exit,
            code: code.into(),
            message: message.into(),
            why: None,
            state: UNCHANGED.to_owned(),
            next: None,
            details: Map::new(),
            silent: false,
        }))
    }

    /// Bad input, found before anything was done.
    pub(crate) fn usage(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, code, message)
    }

    /// Whoever reads our output has closed it: there is nobody to tell, and nothing is wrong.
    pub(crate) fn reader_gone() -> Self {
        let mut error = Self::new(Exit::Ok, "reader_gone", "the reader of the output is gone");
        error.0.silent = true;
        error
    }

    /// With the cause.
    pub(crate) fn why(mut self, why: impl fmt::Display) -> Self {
        self.0.why = Some(why.to_string());
        self
    }

    /// With what is left behind.
    pub(crate) fn state(mut self, state: impl Into<String>) -> Self {
        self.0.state = state.into();
        self
    }

    /// With a command that helps, ready to be pasted.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.0.next = Some(next.into());
        self
    }

    /// With something that is printed beside the error with `-o json`.
    pub(crate) fn detail(mut self, name: &str, value: impl Serialize) -> Self {
        self.0.details.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
        self
    }

    /// How the command ends.
    pub(crate) fn exit(&self) -> Exit {
        self.0.exit
    }

    /// The stable code.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    /// What is wrong.
    pub(crate) fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether nothing is to be printed.
    pub(crate) fn is_silent(&self) -> bool {
        self.0.silent
    }

    /// The one document of a failed command.
    pub(crate) fn document(&self) -> Value {
        let error = Document {
            code: &self.0.code,
            message: &self.0.message,
            why: self.0.why.as_deref(),
            state: &self.0.state,
            next: self.0.next.as_deref(),
            exit_code: self.0.exit,
        };
        let mut document = Value::Object(self.0.details.clone());
        document["error"] = json!(error);
        document
    }

    /// The lines below the message: name and text.
    pub(crate) fn lines(&self) -> Vec<(&'static str, &str)> {
        let why = self.0.why.as_deref().map(|why| ("why", why));
        let next = self.0.next.as_deref().map(|next| ("next", next));
        why.into_iter().chain([("state", self.0.state.as_str())]).chain(next).collect()
    }
}
