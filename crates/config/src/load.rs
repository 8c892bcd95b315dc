//! Loading: the layers in their order, then validation.

use std::fmt;

use secrecy::ExposeSecret;
use serde::Serialize;

use crate::config::Config;
use crate::environment::{self, Environment};
use crate::layers::{files, secrets, variables};
use crate::origin::Origin;
use crate::problem::{Problem, Problems};
use crate::schema;
use crate::sections::{Alerts, Logging, Tracing, Worker};
use crate::sources::Sources;
use crate::validate;
use crate::value::{Raw, Settings, Value, Values};

/// A configuration that was loaded, with the origin of each value.
#[derive(Clone)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Each key's value, redacted, and where it came from, in the order of the documentation.
    pub values: Vec<ValueOrigin>,
    /// The values themselves, to compare two configurations by.
    pub(crate) exact: Values,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("values", &self.values)
            .finish_non_exhaustive()
    }
}

/// A key's value as it may be shown, and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ValueOrigin {
    /// The key: `server.port`.
    pub key: &'static str,
    /// The value in the notation of the files; a secret is redacted; "not set" when there is none.
    #[serde(skip)]
    pub text: String,
    /// The value as JSON: sizes as numbers of bytes, durations as texts, secrets redacted, null when not set.
    pub value: serde_json::Value,
    /// Where it came from.
    pub origin: Origin,
    /// How the value came to differ from what its origin says, when it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// The layers, merged and typed, on the way to a configuration.
pub(crate) struct Draft {
    pub(crate) env: Environment,
    pub(crate) values: Values,
    pub(crate) settings: Settings,
    pub(crate) notes: std::collections::BTreeMap<&'static str, String>,
}

impl Config {
    /// Reads all layers and validates them. On failure every problem is reported, not the first one.
    pub fn load(sources: &Sources) -> Result<Loaded, Problems> {
        let (env, settings, problems) = layered(sources)?;
        finish(sources, env, settings, problems)
    }

    /// Reads where the log is. Whoever reads the log need not have the service's secrets, so nothing else need
    /// be set or readable.
    ///
    /// # Errors
    /// What is wrong with the section `logging`.
    pub fn load_logging(sources: &Sources) -> Result<Logging, Problems> {
        let is_ours = |path: &str| path == "app.name" || path.starts_with("logging.");
        let (env, mut settings, mut problems) = layered(sources)?;
        settings.retain(|path, _| is_ours(path));
        problems.0.retain(|problem| problem.key.is_none_or(is_ours));
        let values = validate::values(&settings, &mut problems);
        let mut draft = Draft { env, values, settings, notes: std::collections::BTreeMap::new() };
        validate::logging(&mut draft, sources, &mut problems);
        if !problems.0.is_empty() {
            return Err(problems);
        }
        Logging::from_values(&draft.values).ok_or_else(|| Problems(vec![Problem::internal()]))
    }

    /// Reads what `taskward worker` wants to know. A worker often runs where the service does not, so
    /// nothing else need be set, not even in prod; but what is set must be readable.
    pub fn load_worker(sources: &Sources) -> Result<Worker, Problems> {
        load_section(sources, "worker.", Worker::from_values)
    }

    /// Reads where `taskward worker` sends spans, as [`Config::load_worker`] reads the rest.
    pub fn load_tracing(sources: &Sources) -> Result<Tracing, Problems> {
        load_section(sources, "tracing.", Tracing::from_values)
    }

    /// Reads what `taskward alerts rules` and `test` want to know. Rules are also made where Prometheus runs and
    /// the service does not, so nothing else need be set.
    pub fn load_alerts(sources: &Sources) -> Result<Alerts, Problems> {
        load_section(sources, "alerts.", Alerts::from_values)
    }
}

/// One section, without the rules across sections.
fn load_section<T>(
    sources: &Sources,
    prefix: &str,
    from_values: impl FnOnce(&Values) -> Option<T>,
) -> Result<T, Problems> {
    let (_, mut settings, mut problems) = layered(sources)?;
    settings.retain(|path, _| path.starts_with(prefix));
    let values = validate::values(&settings, &mut problems);
    if !problems.0.is_empty() {
        return Err(problems);
    }
    from_values(&values).ok_or_else(|| Problems(vec![Problem::internal()]))
}

/// All layers, merged, and what was wrong with reading them. Fails when the environment is not known.
fn layered(sources: &Sources) -> Result<(Environment, Settings, Problems), Problems> {
    let mut problems = Problems::default();
    files::check_directory(sources, &mut problems);
    let built_in = files::built_in(&mut problems);
    let directory = without_repeats(&built_in, files::read(sources, "defaults.yaml", &mut problems));
    let variables = variables::read(sources, &mut problems);
    let secrets = secrets::read(sources, &mut problems);

    let url = [&secrets, &variables, &directory].into_iter().find_map(|layer| layer.get("database.url"));
    let url =
        url.and_then(|setting| if let Raw::Text(text) = &setting.raw { Some(text.as_str()) } else { None });
    let env = match environment::decide(sources, url) {
        Ok(env) => env,
        Err(problem) => {
            problems.0.insert(0, *problem);
            return Err(problems);
        }
    };
    let file = files::read(sources, &format!("{env}.yaml"), &mut problems);
    if env == Environment::Prod {
        validate::refuse_secrets(&[&directory, &file], &mut problems);
    }
    let settings = [built_in, directory, file, variables, secrets].into_iter().fold(Settings::new(), merge);
    Ok((env, settings, problems))
}

fn merge(mut lower: Settings, higher: Settings) -> Settings {
    lower.extend(higher);
    lower
}

/// A `defaults.yaml` that repeats the built-in one sets nothing: its values stay defaults, so that, say, prod
/// does not take the default database for one that somebody chose.
fn without_repeats(built_in: &Settings, layer: Settings) -> Settings {
    let is_repeat = |path: &str, raw: &Raw| {
        let typed = |raw: &Raw| validate::typed(schema::find(path)?, raw);
        let default = built_in.get(path).and_then(|default| typed(&default.raw));
        default.is_some() && typed(raw) == default
    };
    layer.into_iter().filter(|(path, setting)| !is_repeat(path, &setting.raw)).collect()
}

fn finish(
    sources: &Sources,
    env: Environment,
    settings: Settings,
    mut problems: Problems,
) -> Result<Loaded, Problems> {
    let values = validate::values(&settings, &mut problems);
    let mut draft = Draft { env, values, settings, notes: std::collections::BTreeMap::new() };
    validate::draft(&mut draft, sources, &mut problems);
    if !problems.0.is_empty() {
        return Err(problems);
    }
    let Some(config) = Config::from_values(env, &draft.values) else {
        // A key's kind and its field's type disagree; a test builds every section, so this is a broken build.
        return Err(Problems(vec![Problem::internal()]));
    };
    Ok(Loaded { config, values: shown(&draft), exact: draft.values })
}

fn shown(draft: &Draft) -> Vec<ValueOrigin> {
    let one = |key: &schema::Key| {
        let value = draft.values.get(key.path)?;
        let origin = draft.settings.get(key.path)?.origin.clone();
        let (text, json) = (value.shown(), value.to_json());
        Some(ValueOrigin {
            key: key.path,
            text,
            value: json,
            origin,
            note: draft.notes.get(key.path).cloned(),
        })
    };
    schema::keys().filter_map(one).collect()
}

impl Draft {
    /// The exact length of a key's secret, when it has one.
    pub(crate) fn secret_chars(&self, path: &str) -> Option<usize> {
        match self.values.get(path)? {
            Value::Secret(secret) => Some(secret.expose_secret().chars().count()),
            _ => None,
        }
    }
}
