//! `taskward config check`: everything that is wrong, at once.

use std::fmt;

use serde::Serialize;
use taskward_config::{Config, Environment, Problems, Sources};

/// What the check came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// The service would start with this configuration.
    Ok,
    /// The service would refuse this configuration.
    Fail,
    /// A file can't be read, so it is not known what the service would do; never a pass.
    Unknown,
}

impl CheckStatus {
    /// The exit code of the check: 0, 3 or 4.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Fail => 3,
            Self::Unknown => 4,
        }
    }
}

/// The result of a check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// What it came to.
    pub status: CheckStatus,
    /// The environment, when the configuration is right.
    pub env: Option<Environment>,
    /// Everything that is wrong, each with place, reason and fix.
    pub problems: Problems,
}

/// Checks the configuration that these sources give.
#[must_use]
pub fn check(sources: &Sources) -> CheckReport {
    match Config::load(sources) {
        Ok(loaded) => CheckReport {
            status: CheckStatus::Ok,
            env: Some(loaded.config.env),
            problems: Problems::default(),
        },
        Err(problems) => {
            let status = if problems.only_unreadable() { CheckStatus::Unknown } else { CheckStatus::Fail };
            CheckReport { status, env: None, problems }
        }
    }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.status, self.env) {
            (CheckStatus::Ok, Some(env)) => write!(f, "OK: the configuration of {env} is valid"),
            (CheckStatus::Ok, None) => f.write_str("OK: the configuration is valid"),
            (CheckStatus::Fail, _) => write!(f, "FAIL: {}", self.problems),
            (CheckStatus::Unknown, _) => write!(f, "UNKNOWN: {}", self.problems),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn sources(variables: &[(&str, &str)]) -> Sources {
        let env = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let nowhere = PathBuf::from("/nonexistent");
        Sources { env, config_dirs_default: Vec::new(), run_secrets: nowhere, ..Sources::default() }
    }

    #[test]
    fn a_valid_configuration_passes() {
        let report = check(&sources(&[("APP_ENV", "dev")]));
        assert_eq!((report.status, report.status.exit_code()), (CheckStatus::Ok, 0));
        assert_eq!(report.to_string(), "OK: the configuration of dev is valid");
    }

    #[test]
    fn every_problem_is_listed_with_its_fix() {
        let report = check(&sources(&[("APP_ENV", "prod"), ("TASKWARD__SERVER__PORT", "x")]));
        assert_eq!((report.status, report.status.exit_code()), (CheckStatus::Fail, 3));
        let text = report.to_string();
        assert!(text.starts_with("FAIL: the configuration has 3 problems\n"), "{text}");
        let json = serde_json::to_value(&report).expect("serialises");
        let problems = json["problems"].as_array().expect("a list");
        assert_eq!(problems.len(), 3);
        assert_eq!(problems[0]["id"], "invalid_value");
        assert_eq!(problems[0]["place"]["variable"]["variable"], "TASKWARD__SERVER__PORT");
        assert!(problems.iter().all(|problem| problem["fix"].as_str().is_some_and(|fix| !fix.is_empty())));
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        let mut sources = sources(&[("APP_ENV", "dev")]);
        // A directory in the place of a file can be read by nobody, root included.
        let dir = std::env::temp_dir().join(format!("taskward-ops-check-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("dev.yaml")).expect("create");
        sources.config_dir = Some(dir.clone());
        let report = check(&sources);
        std::fs::remove_dir_all(dir).expect("remove");
        assert_eq!((report.status, report.status.exit_code()), (CheckStatus::Unknown, 4));
        assert!(report.to_string().starts_with("UNKNOWN: "));
    }
}
