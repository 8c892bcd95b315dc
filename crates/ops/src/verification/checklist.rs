//! A list of checks, and what comes of it.

use serde::Serialize;

use crate::CheckVerdict;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name: `health`.
    pub id: &'static str,
    /// What should be so.
    pub claim: &'static str,
    /// What it came to.
    pub verdict: CheckVerdict,
    /// What was seen.
    pub evidence: String,
    /// The command to go on with, where it is no pass.
    pub next: Option<String>,
}

/// All checks of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checklist {
    /// Its name: `start`.
    pub name: &'static str,
    /// The service that was asked.
    pub url: String,
    /// The worst of all.
    pub verdict: CheckVerdict,
    /// Each of them, in order.
    pub checks: Vec<Check>,
}

impl Checklist {
    /// These checks, and what they come to together. None at all is no pass.
    pub(super) fn of(name: &'static str, url: &str, checks: Vec<Check>) -> Self {
        let verdict = CheckVerdict::worst(checks.iter().map(|check| check.verdict));
        Self { name, url: url.to_owned(), verdict, checks }
    }
}
