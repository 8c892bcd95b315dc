//! Properties: the highest layer wins and says so; a secret is never shown, whatever else is wrong.

use std::collections::BTreeMap;

use proptest::prelude::*;
use taskward_config::{Config, Loaded, Origin, Problems, diff, schema};

use crate::support::Setup;

/// The layers above the built-in defaults, the lowest first.
const LAYERS: usize = 3;

/// A key, the section and name it is written under, and a value for it per layer, all of them valid.
const KEYS: [(&str, [&str; LAYERS]); 7] = [
    ("app.name", ["in-defaults", "in-file", "in-variable"]),
    ("server.port", ["1001", "1002", "1003"]),
    ("server.connections_max", ["11", "12", "13"]),
    ("logging.level", ["ERROR", "DEBUG", "TRACE"]),
    ("tasks.retention", ["2h", "3h", "4h"]),
    ("worker.concurrency", ["21", "22", "23"]),
    ("tracing.sample_ratio", ["0.25", "0.5", "0"]),
];

/// The secrets; each may be in any of the layers and in a secrets file.
const SECRETS: [(&str, &str, [&str; LAYERS + 1]); 3] = [
    ("server.api_key", "api_key", ["key-of-defaults", "key-of-file", "key-of-variable", "key-of-secret"]),
    ("redis.url", "redis_url", ["redis://a", "redis://b", "redis://c", "redis://d"]),
    ("tracing.headers", "tracing_headers", ["k=of-defaults", "k=of-file", "k=of-variable", "k=of-secret"]),
];

fn yaml(values: &BTreeMap<&str, &str>) -> String {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for (path, value) in values {
        let (section, name) = path.split_once('.').expect("a path");
        sections.entry(section).or_default().push_str(&format!("  {name}: {value}\n"));
    }
    sections.iter().map(|(section, lines)| format!("{section}:\n{lines}")).collect()
}

fn layer_of(origin: &Origin) -> usize {
    match origin {
        Origin::Default { .. } => 0,
        Origin::File { path, .. } if path.ends_with("defaults.yaml") => 1,
        Origin::File { .. } => 2,
        Origin::Env { .. } => 3,
        Origin::Secret { .. } => 4,
    }
}

fn highest(present: &[bool]) -> usize {
    present.iter().rposition(|present| *present).map_or(0, |layer| layer + 1)
}

/// Everything that a load may print.
fn everything_shown(result: &Result<Loaded, Problems>) -> String {
    match result {
        Ok(loaded) => {
            let values = serde_json::to_string(&loaded.values).expect("serialises");
            let changes = diff(loaded, loaded);
            let texts: Vec<_> = loaded.values.iter().map(|value| value.text.as_str()).collect();
            format!("{loaded:?} {:?} {values} {changes:?} {texts:?}", loaded.config)
        }
        Err(problems) => {
            let json = serde_json::to_string(problems).expect("serialises");
            format!("{problems} {problems:?} {json}")
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_highest_layer_wins_and_is_named(
        plain in proptest::array::uniform6(proptest::array::uniform3(any::<bool>())),
        secret in proptest::array::uniform2(proptest::array::uniform4(any::<bool>())),
    ) {
        let mut setup = Setup::of("dev");
        let mut files = [BTreeMap::new(), BTreeMap::new()];
        let all = KEYS.iter().zip(&plain).map(|((path, values), present)| (*path, &values[..], &present[..]));
        let secrets = SECRETS.iter().zip(&secret).map(|((path, _, values), present)| (*path, &values[..], &present[..]));
        for (path, values, present) in all.chain(secrets) {
            for layer in [0, 1] {
                if present[layer] {
                    files[layer].insert(path, values[layer]);
                }
            }
            if present[2] {
                setup = setup.variable(&schema::find(path).expect(path).long_variable(), values[2]);
            }
        }
        for ((_, name, values), present) in SECRETS.iter().zip(&secret) {
            if present[3] {
                setup = setup.secret(name, format!("{}\n", values[3]), 0o600);
            }
        }
        let setup = setup.file("defaults.yaml", yaml(&files[0])).file("dev.yaml", yaml(&files[1]));
        let loaded = Config::load(&setup.sources).map_err(|problems| TestCaseError::fail(problems.to_string()))?;

        for ((path, values), present) in KEYS.iter().zip(&plain) {
            let value = loaded.values.iter().find(|value| value.key == *path).expect(path);
            let layer = highest(present);
            prop_assert_eq!(layer_of(&value.origin), layer, "{}", path);
            if layer > 0 {
                prop_assert_eq!(&value.text, values[layer - 1]);
            }
        }
        for ((path, _, values), present) in SECRETS.iter().zip(&secret) {
            let value = loaded.values.iter().find(|value| value.key == *path).expect(path);
            let layer = highest(present);
            prop_assert_eq!(layer_of(&value.origin), layer, "{}", path);
            if *path == "redis.url" && layer > 0 {
                prop_assert_eq!(&value.text, values[layer - 1]);
            }
        }
    }

    #[test]
    fn a_line_is_the_line_of_the_key(comments in 0_usize..50, keys in proptest::sample::subsequence(&KEYS[..], 1..KEYS.len())) {
        let mut text = "#\n".repeat(comments);
        let values: BTreeMap<_, _> = keys.iter().map(|(path, values)| (*path, values[0])).collect();
        text.push_str(&yaml(&values));
        let setup = Setup::of("dev").file("dev.yaml", &text);
        let loaded = setup.load().map_err(|problems| TestCaseError::fail(problems.to_string()))?;
        for (path, _) in keys {
            let value = loaded.values.iter().find(|value| value.key == path).expect(path);
            let Origin::File { line, .. } = value.origin else { return Err(TestCaseError::fail("not from the file")) };
            let name = path.split_once('.').expect("a path").1;
            let expected = format!("  {name}:");
            prop_assert!(text.lines().nth(line as usize - 1).expect("a line").starts_with(&expected));
        }
    }
}

/// Files, by what is wrong with them; `{}` is where the secret stands.
const FILES: [&str; 30] = [
    "server:\n  api_key: {}\n",
    "server:\n  api_key: \"{}\n",
    "server:\n  api_key: '{}\n  port: 1\n",
    "server:\n  api_key:{}\n",
    "server:\n  api_key:{}: x\n",
    "server:\n  {}: x\n",
    "{}: x\n",
    "{}\n",
    "{}: {}: {}\n",
    "api_key: {}\n",
    "server:\n  api_key: x: {}\n",
    "server:\n\tapi_key: {}\n",
    "server:\n  api_key: [{}\n",
    "server:\n  api_key: {{{}\n",
    "server:\n  api_key:\n    {}: {}\n",
    "server:\n  api_key: !{} x\n",
    "server:\n  api_key: &{} x\n",
    "server:\n  api_key: *{}\n",
    "server:\n  {}: 1\n  {}: 2\n",
    "server: {}\n",
    "server:\n  port: {}\n",
    "server:\n  drain_timeout: {}\n",
    "logging:\n  level: {}\n",
    "database:\n  url: postgres://user:{}@host/db\n",
    "database:\n  url: postgres://user:{}@host:port/db\n",
    "database:\n  password: {}\n",
    "--- {}\n--- {}\n",
    "%{} x\n---\na: 1\n",
    "? {}\n: {}\n",
    "server:\n  api_key: \"\\q{}\"\n",
];

/// URLs, right and wrong.
const URLS: [&str; 22] = [
    "postgres://user:{}@host/db",
    "postgres://user:{}@host:5432/db?sslmode=require",
    "postgres://:{}@host/db",
    "postgres://{}@host/db",
    "postgres://host/db?password={}",
    "postgres://host/db?user=u&password={}&sslmode=require",
    "postgres://user:a/{}@host/db",
    "postgres://user:a?{}@host/db",
    "postgres://user:a#{}@host/db",
    "postgres://user:a@{}@host/db",
    "postgres://user:{}@host:port/db",
    "postgres://user:{}@",
    "postgres://user:{}",
    "postgres:/user:{}@host/db",
    "postgres//user:{}@host/db",
    "Postgres://user:{}@host/db",
    "user:{}@host/db",
    "host=db user=u password={}",
    "host=db user=u password='{}'",
    "host=db password = {}",
    "mysql://user:{}@host/db",
    "{}",
];

/// A secret that no text of ours contains by chance: long enough, and letters and digits both.
fn planted() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9]{14,38}[0-9]".prop_map(|text| format!("Zq9{text}"))
}

fn assert_hidden(setup: &Setup, secret: &str) -> Result<(), TestCaseError> {
    let shown = everything_shown(&setup.load());
    prop_assert!(!shown.contains(secret), "{secret} is in\n{shown}");
    // A part of it would be a leak too.
    let part = &secret[secret.len() - 10..];
    prop_assert!(!shown.contains(part), "{part} of {secret} is in\n{shown}");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_in_a_file_is_never_shown(secret in planted()) {
        for template in FILES {
            let text = template.replace("{{", "{").replace("{}", &secret);
            for env in ["dev", "prod"] {
                let setup = Setup::of(env).file(&format!("{env}.yaml"), &text);
                assert_hidden(&setup, &secret)?;
            }
            assert_hidden(&Setup::of("prod").file("defaults.yaml", &text), &secret)?;
        }
    }

    #[test]
    fn a_secret_in_a_url_is_never_shown(secret in planted()) {
        for template in URLS {
            let url = template.replace("{}", &secret);
            for variable in ["DATABASE_URL", "REDIS_URL", "TASKWARD__DATABASE__URL"] {
                for env in ["dev", "prod", ""] {
                    let redis = url.replace("postgres", "redis");
                    let value = if variable == "REDIS_URL" { &redis } else { &url };
                    assert_hidden(&Setup::of(env).variable(variable, value), &secret)?;
                }
            }
            assert_hidden(&Setup::of("prod").secret("database_url", &url, 0o600), &secret)?;
        }
    }

    #[test]
    fn a_secret_in_a_variable_or_secrets_file_is_never_shown(secret in planted()) {
        for variable in ["API_KEY", "APP_ENV", "LOG_LEVEL", "DATABASE_URL", "REDIS_URL", "TASKWARD__SERVER__API_KEY",
            "TASKWARD__SERVER__PORT", "TASKWARD__SERVER__DRAIN_TIMEOUT", "TASKWARD__TASKS__PAYLOAD_BYTES_MAX", "TASKWARD__NONE__SUCH"] {
            assert_hidden(&Setup::of("dev").variable(variable, &secret), &secret)?;
            assert_hidden(&Setup::of("prod").variable(variable, &secret), &secret)?;
        }
        for mode in [0o600, 0o644, 0o660] {
            for text in [secret.clone(), format!("{secret}\n"), format!("{secret} {secret}"), format!("{secret}\n{secret}")] {
                for name in ["api_key", "database_url", "redis_url"] {
                    assert_hidden(&Setup::of("prod").secret(name, &text, mode), &secret)?;
                }
            }
        }
        let debug = format!("{:?}", Setup::of("dev").variable("API_KEY", &secret).sources);
        prop_assert!(!debug.contains(&secret));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_loading_panic(text in "(?s).{0,200}") {
        let _ = Setup::of("prod").file("prod.yaml", &text).load();
        let _ = Setup::of("dev").variable("DATABASE_URL", &text.replace('\0', "")).load();
        let _ = taskward_config::redact::url(&text);
        let _ = taskward_config::redact::plain(&text);
    }
}

/// A password need not look like one: where a secret belongs, none is shown, whatever it looks like.
#[test]
fn a_weak_secret_in_its_place_is_never_shown() {
    for secret in
        ["hunter", "correcthorse", "12345", "p@ss", "p/w", "p?w", "p#w", "p%w", "päß", "a b", "ab=c"]
    {
        let secret = format!("{secret}xyzzy");
        // Not those in which the secret really is the user, or the host after an `@` of its own.
        let ambiguous = ["postgres://{}@host/db", "postgres://user:{}"];
        for template in URLS.iter().filter(|template| !ambiguous.contains(template)) {
            let url = template.replace("{}", &secret);
            let shown = everything_shown(&Setup::of("prod").variable("DATABASE_URL", &url).load());
            assert!(!shown.contains("xyzzy"), "{url}: {shown}");
            assert!(!taskward_config::redact::url(&url).contains("xyzzy"), "{url}");
        }
        for template in
            FILES.iter().filter(|template| template.contains("api_key") && !template.contains("  {}:"))
        {
            let text = template.replace("{{", "{").replace("{}", &secret);
            for env in ["dev", "prod"] {
                let shown = everything_shown(&Setup::of(env).file(&format!("{env}.yaml"), &text).load());
                assert!(!shown.contains("xyzzy"), "{text}: {shown}");
            }
        }
    }
}
