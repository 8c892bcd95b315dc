//! `taskward db check`: whether what is stored is what this program may have written.

use std::fmt;

use serde::Serialize;
use taskward_store::check::{CheckOptions, Checked, Verdict};
use taskward_store::{StoreError, check as look};
use uuid::Uuid;

/// What a check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// Everything holds.
    Ok,
    /// Something does not hold.
    Failed,
    /// Something could not be looked at. Never a pass.
    Unknown,
}

/// What was found in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Which database; holds no secret.
    pub database: String,
    /// All invariants together: failed if one failed, else unknown if one is.
    pub status: CheckStatus,
    /// Each invariant, in the order they were looked at.
    pub invariants: Vec<InvariantReport>,
}

/// What was found of an invariant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InvariantReport {
    /// Its name.
    pub id: &'static str,
    /// What it says.
    pub says: &'static str,
    /// Whether it holds.
    pub status: CheckStatus,
    /// How often it does not.
    pub violations: u64,
    /// Where it does not, as far as was asked for.
    pub examples: Vec<Example>,
    /// Why it was not looked at.
    pub why: Option<String>,
}

/// A place where an invariant does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Example {
    /// The task, if it is about one.
    pub task: Option<Uuid>,
    /// What is there.
    pub what: String,
}

/// Checks the database that `url` names; `database` is what it is called in the report.
///
/// # Errors
/// Any [`StoreError`]: nothing is known then. A schema that this program does not know is one.
pub async fn check(url: &str, database: String, options: CheckOptions) -> Result<CheckReport, StoreError> {
    let invariants: Vec<_> = look(url, options).await?.into_iter().map(InvariantReport::from).collect();
    let any = |status| invariants.iter().any(|invariant| invariant.status == status);
    let status = match (any(CheckStatus::Failed), any(CheckStatus::Unknown)) {
        (true, _) => CheckStatus::Failed,
        (false, true) => CheckStatus::Unknown,
        (false, false) => CheckStatus::Ok,
    };
    Ok(CheckReport { database, status, invariants })
}

impl From<Checked> for InvariantReport {
    fn from(checked: Checked) -> Self {
        let (status, violations, why) = match checked.verdict {
            Verdict::Holds => (CheckStatus::Ok, None, None),
            Verdict::Violated(violations) => (CheckStatus::Failed, Some(violations), None),
            Verdict::NotChecked(why) => (CheckStatus::Unknown, None, Some(why)),
        };
        let violations = violations.unwrap_or_default();
        let examples = violations.examples.into_iter();
        Self {
            id: checked.invariant.id,
            says: checked.invariant.says,
            status,
            violations: violations.count,
            examples: examples.map(|found| Example { task: found.task, what: found.what }).collect(),
            why,
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hold = self.invariants.iter().filter(|invariant| invariant.status == CheckStatus::Ok).count();
        write!(f, "{}: {hold} of {} invariants hold", self.database, self.invariants.len())?;
        self.invariants.iter().try_for_each(|invariant| write!(f, "\n{invariant}"))
    }
}

impl fmt::Display for InvariantReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = match self.status {
            CheckStatus::Ok => "ok",
            CheckStatus::Failed => "FAILED",
            CheckStatus::Unknown => "UNKNOWN",
        };
        write!(f, "  {status:<7}  {:<14}  {}", self.id, self.says)?;
        if let Some(why) = &self.why {
            write!(f, "\n           {why}")?;
        }
        for Example { task, what } in &self.examples {
            match task {
                Some(task) => write!(f, "\n           task {task}: {what}")?,
                None => write!(f, "\n           {what}")?,
            }
        }
        match self.violations.saturating_sub(self.examples.len() as u64) {
            0 => Ok(()),
            more => write!(f, "\n           and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use taskward_store::check::{Invariant, Violation, Violations};

    use super::*;

    #[test]
    fn a_violation_says_what_and_where() {
        let invariant = Invariant { id: "one_place", says: "no task is in two places" };
        let found = Violation { task: Some(Uuid::nil()), what: "it is in both".to_owned() };
        let violations = Violations { count: 3, examples: vec![found] };
        let report = InvariantReport::from(Checked { invariant, verdict: Verdict::Violated(violations) });
        assert_eq!(
            report.to_string(),
            "  FAILED   one_place       no task is in two places\n           \
             task 00000000-0000-0000-0000-000000000000: it is in both\n           and 2 more"
        );
    }
}
