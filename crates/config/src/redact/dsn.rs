//! PostgreSQL's keyword/value form: `host=db user=app password=…`.

use super::url::is_name;

/// Keywords whose values are no secret.
const HARMLESS: [&str; 9] = [
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "sslmode",
    "application_name",
    "connect_timeout",
    "target_session_attrs",
];

/// The text with all values but the harmless ones replaced; `None` when it is not plainly of this form.
/// Quotes and escapes are not taken apart: then nothing is shown.
pub(super) fn redact(text: &str) -> Option<String> {
    if text.contains(['\'', '"', '\\']) {
        return None;
    }
    let shown: Option<Vec<_>> = text.split_whitespace().map(redact_pair).collect();
    shown.filter(|pairs| !pairs.is_empty()).map(|pairs| pairs.join(" "))
}

fn redact_pair(pair: &str) -> Option<String> {
    let (name, value) = pair.split_once('=')?;
    if HARMLESS.contains(&name) && is_name(value) {
        return Some(pair.to_owned());
    }
    // A name we do not know may itself be a piece of a password with spaces and an `=` in it.
    let known =
        HARMLESS.contains(&name) || matches!(name, "password" | "passfile" | "sslpassword" | "sslkey");
    known.then(|| format!("{name}=***"))
}
