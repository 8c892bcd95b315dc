//! Which environment this is: `dev`, `staging` or `prod`.

use std::fmt;

use serde::Serialize;

use crate::nearest::nearest;
use crate::problem::{Place, Problem, ProblemId};
use crate::redact;
use crate::sources::Sources;

/// The environment the process runs in, from `APP_ENV`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A developer's machine: embedded database, no API key needed on loopback.
    Dev,
    /// Like production, with other data.
    Staging,
    /// Production.
    Prod,
}

impl Environment {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Dev, Self::Staging, Self::Prod];

    /// The name, as in `APP_ENV` and in the file names.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Prod => "prod",
        }
    }

    /// Whether this environment insists on a database URL and an API key of its own.
    #[must_use]
    pub const fn is_strict(self) -> bool {
        !matches!(self, Self::Dev)
    }

    fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|env| env.name() == name)
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Decides the environment. `database_url` is the one that the layers independent of it give, if any.
///
/// An unset `APP_ENV` means `dev` only when nothing says production: a service that silently runs as `dev` in
/// production is one without a key and with an embedded database.
pub(crate) fn decide(sources: &Sources, database_url: Option<&str>) -> Result<Environment, Box<Problem>> {
    let place = || Place::Variable { variable: "APP_ENV".to_owned() };
    match sources.text("APP_ENV").map(|value| value.ok_or(())) {
        Some(Ok(name)) => Environment::from_name(name).ok_or_else(|| unknown(name, place()).into()),
        Some(Err(())) => Err(unknown("", place()).into()),
        None => match production_sign(sources, database_url) {
            None => Ok(Environment::Dev),
            Some(sign) => Err(unclear(sign, place()).into()),
        },
    }
}

/// What says that this is not a developer's machine, in words that follow "because".
fn production_sign(sources: &Sources, database_url: Option<&str>) -> Option<&'static str> {
    if sources.is_set("CREDENTIALS_DIRECTORY") {
        return Some("CREDENTIALS_DIRECTORY is set: a service manager passes credentials to this process");
    }
    // INVOCATION_ID alone also reaches every shell of a systemd user session; SYSTEMD_EXEC_PID is this very
    // process's id only when systemd itself started it.
    let started_by_systemd =
        sources.text("SYSTEMD_EXEC_PID").flatten() == Some(sources.pid.to_string().as_str());
    if sources.is_set("INVOCATION_ID") && started_by_systemd {
        return Some("INVOCATION_ID and SYSTEMD_EXEC_PID say that systemd started this process as a unit");
    }
    database_url
        .is_some_and(redact::is_remote_postgres)
        .then_some("the database URL names a PostgreSQL server on another host")
}

fn unclear(sign: &str, place: Place) -> Problem {
    Problem::new(ProblemId::EnvironmentUnclear, place, "APP_ENV is not set, and this does not look like dev")
        .why(format!("without APP_ENV the environment is dev, but {sign}"))
        .expected("dev, staging or prod")
        .fix("export APP_ENV=prod   # or staging, or dev; in a unit: Environment=APP_ENV=prod")
}

fn unknown(name: &str, place: Place) -> Problem {
    let meant = match name.to_ascii_lowercase().as_str() {
        "production" | "live" | "prd" => Some("prod"),
        "development" | "develop" | "local" | "test" | "testing" => Some("dev"),
        "stage" | "stg" | "preprod" | "pre-prod" => Some("staging"),
        lower => nearest(lower, Environment::ALL.map(Environment::name)),
    };
    let problem = Problem::new(ProblemId::EnvironmentUnknown, place, "APP_ENV names no environment")
        .value(redact::plain(name))
        .expected("dev, staging or prod");
    match meant {
        Some(meant) => problem.nearest(meant).fix(format!("export APP_ENV={meant}")),
        None => problem.fix("export APP_ENV=dev   # or staging, or prod"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decide_with(variables: &[(&str, &str)], url: Option<&str>) -> Result<Environment, ProblemId> {
        let mut sources = Sources { pid: 42, ..Sources::default() };
        for (name, value) in variables {
            sources.env.insert((*name).to_owned(), (*value).into());
        }
        decide(&sources, url).map_err(|problem| problem.id)
    }

    #[test]
    fn dev_only_when_nothing_says_production() {
        assert_eq!(decide_with(&[], None), Ok(Environment::Dev));
        assert_eq!(decide_with(&[("APP_ENV", "")], None), Ok(Environment::Dev));
        assert_eq!(decide_with(&[("INVOCATION_ID", "x")], None), Ok(Environment::Dev), "a user session");
        assert_eq!(
            decide_with(&[("INVOCATION_ID", "x"), ("SYSTEMD_EXEC_PID", "41")], None),
            Ok(Environment::Dev)
        );
        for local in [
            "sqlite:data/x.db",
            "postgres://u:p@127.0.0.1/db",
            "postgres://u:p@localhost:5433/db",
            "postgresql://[::1]/db",
            "postgres:///db?host=/var/run/postgresql",
            "postgres://u@%2Fvar%2Frun%2Fpostgresql/db",
        ] {
            assert_eq!(decide_with(&[], Some(local)), Ok(Environment::Dev), "{local}");
        }
    }

    #[test]
    fn signs_of_production_ask_for_app_env() {
        let unclear = Err(ProblemId::EnvironmentUnclear);
        assert_eq!(decide_with(&[("CREDENTIALS_DIRECTORY", "/run/c")], None), unclear);
        assert_eq!(decide_with(&[("INVOCATION_ID", "x"), ("SYSTEMD_EXEC_PID", "42")], None), unclear);
        for remote in [
            "postgres://u:p@db.example.com/db",
            "postgresql://10.0.0.1/db",
            "postgres://localhost,db2/db",
            "postgres:///db?host=db.internal",
        ] {
            assert_eq!(decide_with(&[], Some(remote)), unclear, "{remote}");
        }
        assert_eq!(
            decide_with(&[("CREDENTIALS_DIRECTORY", "/run/c"), ("APP_ENV", "dev")], None),
            Ok(Environment::Dev)
        );
    }

    #[test]
    fn a_typo_gets_a_suggestion() {
        for (name, meant) in
            [("production", "prod"), ("PROD", "prod"), ("stagin", "staging"), ("developement", "dev")]
        {
            let problem = unknown(name, Place::Nowhere);
            if name != "developement" {
                assert_eq!(problem.nearest.as_deref(), Some(meant), "{name}");
            }
            assert!(problem.to_string().contains("dev, staging or prod"));
        }
    }
}
