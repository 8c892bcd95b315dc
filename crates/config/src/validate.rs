//! Validation: each value against its key, then the values against each other and against the environment.

use secrecy::ExposeSecret;

use crate::environment::Environment;
use crate::load::Draft;
use crate::origin::Origin;
use crate::problem::{Place, Problem, ProblemId, Problems};
use crate::redact;
use crate::schema::{self, Key};
use crate::sources::Sources;
use crate::suspicious;
use crate::value::{Raw, Setting, Settings, Value, Values};

/// The shortest API key outside dev.
const API_KEY_CHARS_MIN: usize = 16;

/// Pairs of which the first must not exceed the second. A first that is a default gives way.
const AT_MOST: [(&str, &str); 6] = [
    ("server.drain_notice", "server.drain_timeout"),
    ("tasks.batch_tasks_max", "tasks.pending_tasks_max"),
    ("tasks.batch_bytes_max", "tasks.pending_bytes_max"),
    ("tasks.payload_bytes_max", "tasks.batch_bytes_max"),
    ("worker.lease", "tasks.lease_max"),
    ("worker.wait", "tasks.wait_max"),
];

/// The value of a key's kind, if the raw one is of it.
pub(crate) fn typed(key: &Key, raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Null if key.is_optional() => Some(Value::Absent),
        raw => key.kind.parse(raw),
    }
}

/// All values that fit their keys; the others are problems.
pub(crate) fn values(settings: &Settings, problems: &mut Problems) -> Values {
    let mut values = Values::new();
    for key in schema::keys() {
        let Some(setting) = settings.get(key.path) else { continue };
        match typed(key, &setting.raw) {
            Some(value) => {
                values.insert(key.path, value);
            }
            None => problems.push(invalid(key, setting)),
        }
    }
    values
}

fn invalid(key: &Key, setting: &Setting) -> Problem {
    let what = format!("{} is not usable", key.path);
    let mut problem = Problem::new(ProblemId::InvalidValue, Place::from(&setting.origin), what)
        .key(key)
        .value(shown(key, &setting.raw))
        .expected(key.kind.expected())
        .fix(format!("taskward config explain {}   # default: {}", key.path, key.default_in_words()));
    if let (schema::Kind::Choice(words), Raw::Text(text)) = (key.kind, &setting.raw)
        && let Some(near) = crate::nearest(text, words.iter().map(|(word, _)| *word))
    {
        problem = problem.nearest(near);
    }
    match key.kind.hint(&setting.raw) {
        Some(hint) => problem.why(hint),
        None => problem,
    }
}

fn shown(key: &Key, raw: &Raw) -> String {
    match raw {
        Raw::Null => "nothing".to_owned(),
        Raw::List => "a list".to_owned(),
        Raw::Mapping => "a mapping".to_owned(),
        Raw::Text(text) if text.is_empty() => "an empty text".to_owned(),
        Raw::Text(text) if is_all_secret(key) => redact::key(text),
        Raw::Text(text) if key.kind.is_secret() => redact::url(text),
        Raw::Text(text) => redact::plain(text),
        _ if key.kind.is_secret() => "a number or boolean, not shown".to_owned(),
        Raw::Float(_) => "a number with a fraction".to_owned(),
        Raw::Boolean(boolean) => boolean.to_string(),
        Raw::Integer(number) => redact::plain(&number.to_string()).replace('"', ""),
    }
}

/// Refuses secrets, and what looks like one, in files of `prod`.
pub(crate) fn refuse_secrets(layers: &[&Settings], problems: &mut Problems) {
    for (path, setting) in layers.iter().copied().flatten() {
        let Some(key) = schema::find(path) else { continue };
        if holds_secret(key, &setting.raw) {
            problems.push(secret_in_file(key, &setting.origin));
        }
    }
}

/// Whether no part of the key's values may be shown.
fn is_all_secret(key: &Key) -> bool {
    use schema::Kind;
    matches!(key.kind, Kind::ApiKey | Kind::SecretUrl | Kind::WebhookSecret | Kind::Headers)
}

fn holds_secret(key: &Key, raw: &Raw) -> bool {
    match (key.kind, raw) {
        (_, Raw::Null) => false,
        _ if is_all_secret(key) => true,
        // A URL without a password is no secret; one that can't be taken apart may be.
        (
            schema::Kind::DatabaseUrl
            | schema::Kind::RedisUrl
            | schema::Kind::SmtpUrl
            | schema::Kind::HttpUrl,
            raw,
        ) => match raw {
            Raw::Text(text) => redact::has_password(text) || key.kind.parse(raw).is_none(),
            _ => true,
        },
        (_, Raw::Text(text)) => suspicious::is_secret(text),
        _ => false,
    }
}

fn secret_in_file(key: &Key, origin: &Origin) -> Problem {
    let what = format!("{} holds a secret, or what looks like one, in a file of prod", key.path);
    let advice = match (key.secret, key.secret_file_variable()) {
        (Some(name), Some(variable)) => format!(
            "install -m 600 /dev/stdin /etc/taskward/{name} && export {variable}=/etc/taskward/{name}   # and delete the line"
        ),
        _ => format!("delete the line, or set {} instead", key.long_variable()),
    };
    Problem::new(ProblemId::SecretInFile, Place::from(origin), what)
        .key(key)
        .value("a value that is not shown".to_owned())
        .why(
            "configuration files are copied, committed and read by many; if this one was, replace the secret",
        )
        .fix(advice)
}

/// The rules across keys.
pub(crate) fn draft(draft: &mut Draft, sources: &Sources, problems: &mut Problems) {
    logging(draft, sources, problems);
    for (small, large) in AT_MOST {
        at_most(draft, small, large, problems);
    }
    require(draft, problems);
    check_api_key(draft, problems);
    check_replica(draft, problems);
    check_wal(draft, problems);
    check_backup_engine(draft, problems);
}

/// The rules of the section `logging`.
pub(crate) fn logging(draft: &mut Draft, sources: &Sources, problems: &mut Problems) {
    derive_format(draft);
    derive_file(draft, sources);
    refuse_silence(draft, problems);
}

/// A service of prod logs to the place that its installation made for it.
fn derive_file(draft: &mut Draft, sources: &Sources) {
    const KEY: &str = "logging.file";
    let directory = &sources.log_directory;
    let Some(Value::Text(name)) = draft.values.get("app.name") else { return };
    if draft.env == Environment::Prod
        && draft.values.get(KEY) == Some(&Value::Absent)
        && directory.is_dir()
        && let Some(file) = directory.join(format!("{name}.log")).to_str()
    {
        draft.notes.insert(KEY, format!("not set: {} exists", directory.display()));
        draft.values.insert(KEY, Value::Text(file.to_owned()));
    }
}

/// A service that says nothing anywhere cannot be looked after.
fn refuse_silence(draft: &Draft, problems: &mut Problems) {
    let silent = draft.values.get("logging.stdout") == Some(&Value::Boolean(false))
        && draft.values.get("logging.file") == Some(&Value::Absent);
    let (true, Some(key), Some(setting)) =
        (silent, schema::find("logging.stdout"), draft.settings.get("logging.stdout"))
    else {
        return;
    };
    problems.push(
        Problem::new(ProblemId::Conflict, Place::from(&setting.origin), "the service would log nowhere")
            .key(key)
            .value("false".to_owned())
            .expected("true, or a file to log to")
            .fix("taskward config explain logging.file   # then set it, or leave logging.stdout alone"),
    );
}

/// People read the logs of dev, machines those of the others.
fn derive_format(draft: &mut Draft) {
    const KEY: &str = "logging.format";
    if draft.values.get(KEY) == Some(&Value::Absent) {
        let format = if draft.env == Environment::Dev { "human" } else { "json" };
        draft.values.insert(KEY, Value::Text(format.to_owned()));
        draft.notes.insert(KEY, format!("not set: {format} in {}", draft.env));
    }
}

fn at_most(draft: &mut Draft, small: &'static str, large: &'static str, problems: &mut Problems) {
    let (Some(low), Some(high)) = (draft.values.get(small), draft.values.get(large)) else { return };
    if !exceeds(low, high) {
        return;
    }
    let (low, high) = (low.clone(), high.clone());
    match (draft.settings.get(small).map(|setting| &setting.origin), schema::find(small)) {
        (Some(origin), Some(key)) if origin.is_explicit() => problems.push(
            Problem::new(ProblemId::Conflict, Place::from(origin), format!("{small} exceeds {large}"))
                .key(key)
                .value(low.shown())
                .expected(format!("at most {}, the value of {large}", high.shown()))
                .fix(format!("taskward config explain {large}   # then lower {small} or raise {large}")),
        ),
        _ => {
            draft.notes.insert(small, format!("lowered from {} to fit {large}", low.shown()));
            draft.values.insert(small, high);
        }
    }
}

fn exceeds(low: &Value, high: &Value) -> bool {
    match (low, high) {
        (Value::Duration(low), Value::Duration(high)) => low > high,
        (Value::Integer(low) | Value::Bytes(low), Value::Integer(high) | Value::Bytes(high)) => low > high,
        _ => false,
    }
}

/// What the environment insists on. A key that already has a problem is not reported as missing too.
fn require(draft: &Draft, problems: &mut Problems) {
    for path in
        ["database.url", "server.api_key", "alerts.webhook_secret", "alerts.email_from", "alerts.email_to"]
    {
        let Some(key) = schema::find(path) else { continue };
        let Some(reason) = reason_to_require(draft, path) else { continue };
        let explicit = draft.settings.get(path).is_some_and(|setting| setting.origin.is_explicit());
        let set = explicit && draft.values.get(path) != Some(&Value::Absent);
        if !set && !problems.iter().any(|problem| problem.key == Some(path)) {
            problems.push(missing(key, &reason));
        }
    }
}

fn reason_to_require(draft: &Draft, path: &str) -> Option<String> {
    let is_set = |path| draft.values.get(path).is_some_and(|value| *value != Value::Absent);
    match path {
        "alerts.webhook_secret" => {
            let why = "alerts.webhook_url is set, and what is sent there is signed";
            return is_set("alerts.webhook_url").then(|| why.to_owned());
        }
        "alerts.email_from" | "alerts.email_to" => {
            return is_set("alerts.smtp_url").then(|| "alerts.smtp_url is set".to_owned());
        }
        _ => {}
    }
    if draft.env.is_strict() {
        return Some(format!("{} requires it", draft.env));
    }
    let host = draft.values.get("server.host")?;
    let open = matches!(host, Value::Text(host) if !redact::is_local(host));
    (open && path == "server.api_key")
        .then(|| format!("the server listens on {}, where others can reach it", host.shown()))
}

fn missing(key: &Key, reason: &str) -> Problem {
    let variable = key.usual_variable();
    let example = match key.kind {
        schema::Kind::ApiKey => "\"$(openssl rand -hex 32)\"",
        schema::Kind::WebhookSecret => "\"whsec_$(openssl rand -base64 32)\"",
        schema::Kind::Address | schema::Kind::Addresses => "ops@example.com",
        _ => "'postgres://USER:PASSWORD@HOST/DATABASE'",
    };
    let name = key.secret.unwrap_or(key.path);
    Problem::new(ProblemId::MissingValue, Place::Nowhere, format!("{variable} ({}) is missing", key.path))
        .key(key)
        .why(reason)
        .expected(match key.secret_file_variable() {
            Some(file) => format!(
                "the variable {variable}, or a secrets file: {file}, $CREDENTIALS_DIRECTORY/{name} or /run/secrets/{name}"
            ),
            None => key.kind.expected(),
        })
        .fix(format!("export {variable}={example}"))
}

fn check_api_key(draft: &Draft, problems: &mut Problems) {
    let short = draft.secret_chars("server.api_key").is_some_and(|chars| chars < API_KEY_CHARS_MIN);
    let (true, true, Some(key), Some(setting)) =
        (draft.env.is_strict(), short, schema::find("server.api_key"), draft.settings.get("server.api_key"))
    else {
        return;
    };
    problems.push(
        Problem::new(ProblemId::InvalidValue, Place::from(&setting.origin), "the API key is too short")
            .key(key)
            // The digest of a short key would give it away.
            .value("a key that is not shown".to_owned())
            .expected(format!("at least {API_KEY_CHARS_MIN} characters in {}", draft.env))
            .fix("export API_KEY=\"$(openssl rand -hex 32)\""),
    );
}

fn is_sqlite(draft: &Draft, path: &str) -> bool {
    match draft.values.get(path) {
        Some(Value::Url(url)) => url.expose_secret().starts_with("sqlite:"),
        _ => false,
    }
}

/// Only PostgreSQL has standbys.
fn check_replica(draft: &Draft, problems: &mut Problems) {
    const KEY: &str = "database.replica_url";
    let is_sqlite = |path: &str| is_sqlite(draft, path);
    let set = !matches!(draft.values.get(KEY), None | Some(Value::Absent));
    let misplaced = set && (is_sqlite(KEY) || is_sqlite("database.url"));
    let (true, Some(key), Some(setting)) = (misplaced, schema::find(KEY), draft.settings.get(KEY)) else {
        return;
    };
    problems.push(
        Problem::new(ProblemId::Conflict, Place::from(&setting.origin), "an SQLite file has no standby")
            .key(key)
            .value(shown(key, &setting.raw))
            .expected("postgres://… here and in database.url, or nothing")
            .fix("taskward config explain database.replica_url   # then remove it"),
    );
}

/// Only PostgreSQL hands its log over by a command.
fn check_wal(draft: &Draft, problems: &mut Problems) {
    const KEY: &str = "backup.wal";
    let by_command = draft.values.get(KEY) == Some(&Value::Text("command".to_owned()));
    let misplaced = by_command && is_sqlite(draft, "database.url");
    let (true, Some(key), Some(setting)) = (misplaced, schema::find(KEY), draft.settings.get(KEY)) else {
        return;
    };
    problems.push(
        Problem::new(ProblemId::Conflict, Place::from(&setting.origin), "SQLite runs no archive_command")
            .key(key)
            .value(shown(key, &setting.raw))
            .why("only the service can see what is written to an SQLite file, and copies its log while it runs")
            .expected("stream, or off")
            .fix("export TASKWARD__BACKUP__WAL=stream"),
    );
}

/// pgBackRest copies PostgreSQL, and knows clusters by name.
fn check_backup_engine(draft: &Draft, problems: &mut Problems) {
    const KEY: &str = "backup.engine";
    let is_wanted = draft.values.get(KEY) == Some(&Value::Text("pgbackrest".to_owned()));
    let is_named = !matches!(draft.values.get("backup.pgbackrest_stanza"), None | Some(Value::Absent));
    let (what, why, fix) = match (is_wanted, is_sqlite(draft, "database.url"), is_named) {
        (true, true, _) => (
            "pgBackRest does not copy SQLite",
            "it copies clusters of PostgreSQL",
            "export TASKWARD__BACKUP__ENGINE=own",
        ),
        (true, false, false) => (
            "pgBackRest wants a stanza",
            "that is its name of the cluster",
            "export TASKWARD__BACKUP__PGBACKREST_STANZA=main   # as in /etc/pgbackrest.conf",
        ),
        _ => return,
    };
    let (Some(key), Some(setting)) = (schema::find(KEY), draft.settings.get(KEY)) else { return };
    problems.push(
        Problem::new(ProblemId::Conflict, Place::from(&setting.origin), what)
            .key(key)
            .value(shown(key, &setting.raw))
            .why(why)
            .expected("pgbackrest with PostgreSQL and backup.pgbackrest_stanza, or own")
            .fix(fix),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_name_keys_of_one_kind() {
        for (small, large) in AT_MOST {
            let kinds = [small, large].map(|path| schema::find(path).expect(path).kind);
            assert_eq!(
                std::mem::discriminant(&kinds[0]),
                std::mem::discriminant(&kinds[1]),
                "{small} {large}"
            );
        }
    }
}
