//! Every way to get it wrong that we could think of, with what the message has to say.

use crate::support::{Setup, write_secret};
use taskward_config::ProblemId::{self, *};

/// One bad input: what is set up, the code, and parts of the message.
struct Case {
    name: &'static str,
    setup: Setup,
    id: ProblemId,
    parts: &'static [&'static str],
}

fn case(name: &'static str, setup: Setup, id: ProblemId, parts: &'static [&'static str]) -> Case {
    Case { name, setup, id, parts }
}

fn dev(yaml: &str) -> Setup {
    Setup::of("dev").file("dev.yaml", yaml)
}

fn prod(yaml: &str) -> Setup {
    Setup::of("prod").file("prod.yaml", yaml)
}

fn var(name: &str, value: &str) -> Setup {
    Setup::of("dev").variable(name, value)
}

fn check(cases: Vec<Case>) {
    for Case { name, setup, id, parts } in cases {
        let problems = setup.problems();
        let text = problems.to_string();
        assert!(problems.iter().any(|problem| problem.id == id), "{name}: no {id:?} in\n{text}");
        assert_eq!(problems.0.len(), 1, "{name}: more than the one problem\n{text}");
        for part in parts {
            assert!(text.contains(part), "{name}: {part:?} is not in\n{text}");
        }
        assert!(problems.iter().all(|problem| !problem.fix.is_empty()), "{name}: no fix in\n{text}");
    }
}

/// A configuration with e-mail, of which one part is wrong.
fn mail(url: &str, from: &str, to: &str) -> Setup {
    Setup::of("dev")
        .variable("TASKWARD__ALERTS__SMTP_URL", url)
        .variable("TASKWARD__ALERTS__EMAIL_FROM", from)
        .variable("TASKWARD__ALERTS__EMAIL_TO", to)
}

#[test]
fn mails() {
    const URL: &str = "smtp://u:planted-pw@mail.example.com";
    let url = |url| mail(url, "t@example.com", "ops@example.com");
    check(vec![
        case(
            "password without TLS",
            url("smtp://u:planted-pw@mail.example.com?tls=none"),
            InvalidValue,
            &["alerts.smtp_url", "smtp://u:***@mail.example.com?tls=none", "without TLS the password"],
        ),
        case("another scheme", url("mail://mail.example.com"), InvalidValue, &["smtp:// (STARTTLS)"]),
        case("no password", url("smtp://u@mail.example.com"), InvalidValue, &["USER:PASSWORD@"]),
        case("a name", mail(URL, "Taskward <t@h>", "o@h"), InvalidValue, &["alerts.email_from", "without <"]),
        case("no address", mail(URL, "t@h", "o@h; p@h"), InvalidValue, &["alerts.email_to", "commas"]),
        case(
            "from nobody",
            Setup::of("dev")
                .variable("TASKWARD__ALERTS__SMTP_URL", URL)
                .variable("TASKWARD__ALERTS__EMAIL_TO", "o@h"),
            MissingValue,
            &["TASKWARD__ALERTS__EMAIL_FROM", "alerts.smtp_url is set", "export "],
        ),
    ]);
    for setup in [url("smtp://u:planted-pw@h?tls=none"), mail(URL, "x", "y")] {
        assert!(!setup.problems().to_string().contains("planted"), "{}", setup.problems());
    }
}

#[test]
fn environments() {
    let mut unit = Setup::new().variable("INVOCATION_ID", "1").variable("SYSTEMD_EXEC_PID", "7");
    unit.sources.pid = 7;
    check(vec![
        case(
            "typo",
            var("APP_ENV", "prodd"),
            EnvironmentUnknown,
            &["APP_ENV", "prodd", "did you mean prod?", "export APP_ENV=prod"],
        ),
        case("long name", var("APP_ENV", "production"), EnvironmentUnknown, &["did you mean prod?"]),
        case("no idea", var("APP_ENV", "blue"), EnvironmentUnknown, &["dev, staging or prod"]),
        case("unit", unit, EnvironmentUnclear, &["systemd", "export APP_ENV=prod"]),
        case(
            "credentials",
            Setup::new().variable("CREDENTIALS_DIRECTORY", "/nonexistent"),
            EnvironmentUnclear,
            &["CREDENTIALS_DIRECTORY"],
        ),
        case(
            "remote database",
            Setup::new().variable("DATABASE_URL", "postgres://u:p@db/t"),
            EnvironmentUnclear,
            &["another host"],
        ),
        case(
            "remote database, long name",
            Setup::new().variable("TASKWARD__DATABASE__URL", "postgres://u:p@db/t"),
            EnvironmentUnclear,
            &["another host"],
        ),
        case(
            "remote database, secret",
            Setup::new().secret("database_url", "postgres://u:p@db/t", 0o600),
            EnvironmentUnclear,
            &["another host"],
        ),
    ]);
}

#[test]
fn names() {
    check(vec![
        case(
            "section",
            dev("servr:\n  port: 1\n"),
            UnknownKey,
            &["dev.yaml:1", "servr", "did you mean server?"],
        ),
        case(
            "key",
            dev("server:\n\n  prot: 1\n"),
            UnknownKey,
            &["dev.yaml:3", "server.prot", "did you mean server.port?", "+3"],
        ),
        case(
            "right key, wrong section",
            dev("server:\n  retention: 1h\n"),
            UnknownKey,
            &["did you mean tasks.retention?", "`retention:` indented under `tasks:`"],
        ),
        case("dotted key", dev("server.port: 1\n"), UnknownKey, &["`port:` indented under `server:`"]),
        case("top-level key", dev("port: 1\n"), UnknownKey, &["did you mean server.port?"]),
        case("variable as key", dev("LOG_LEVEL: debug\n"), UnknownKey, &["did you mean logging.level?"]),
        case("upper case", dev("Server:\n  port: 1\n"), UnknownKey, &["did you mean server?"]),
        case(
            "value as key",
            dev("server:\n  x7Gk29fLq0PzM4vTb81n: 1\n"),
            UnknownKey,
            &["dev.yaml:2", "server.(name not shown)"],
        ),
        case("no known key", dev("server:\n  colour: red\n"), UnknownKey, &["server.colour"]),
        case("secret's name", dev("database:\n  password: x\n"), UnknownKey, &["secrets files or variables"]),
        case(
            "variable",
            var("TASKWARD__SERVER__PROT", "1"),
            UnknownVariable,
            &["TASKWARD__SERVER__PROT", "did you mean TASKWARD__SERVER__PORT?"],
        ),
        case(
            "variable, lower case",
            var("TASKWARD__server__port", "1"),
            UnknownVariable,
            &["did you mean TASKWARD__SERVER__PORT?"],
        ),
        case(
            "variable, no section",
            var("TASKWARD__PORT", "1"),
            UnknownVariable,
            &["did you mean TASKWARD__SERVER__PORT?"],
        ),
        case(
            "variable, unlike any",
            var("TASKWARD__A__B", ""),
            UnknownVariable,
            &["TASKWARD__SECTION__KEY", "unset TASKWARD__A__B"],
        ),
    ]);
}

#[test]
fn values() {
    check(vec![
        case(
            "port",
            var("TASKWARD__SERVER__PORT", "eighty"),
            InvalidValue,
            &["TASKWARD__SERVER__PORT", "server.port", "eighty", "0 to 65535", "config explain server.port"],
        ),
        case("port too large", dev("server: {port: 65536}\n"), InvalidValue, &["dev.yaml:1", "65536"]),
        case("negative", dev("server: {port: -1}\n"), InvalidValue, &["-1"]),
        case("fraction", dev("server: {port: 1.5}\n"), InvalidValue, &["fraction"]),
        case("nothing", dev("server:\n  port:\n"), InvalidValue, &["nothing stands after the colon"]),
        case("list", dev("server:\n  port: [1]\n"), InvalidValue, &["a list"]),
        case("mapping", dev("server:\n  port:\n    a: 1\n"), InvalidValue, &["indentation"]),
        case("section as value", dev("server: 8000\n"), InvalidValue, &["server is a section", "`host: …`"]),
        case("no unit", dev("server: {drain_timeout: 30}\n"), InvalidValue, &["30", "no unit", "30s"]),
        case("no unit in a variable", var("TASKWARD__WORKER__LEASE", "30"), InvalidValue, &["no unit"]),
        case("too short", dev("worker: {lease: 10ms}\n"), InvalidValue, &["a duration from 1s"]),
        case("too long", dev("tasks: {lease_max: 9999d}\n"), InvalidValue, &["tasks.lease_max"]),
        case("size", dev("tasks: {payload_bytes_max: 1KB}\n"), InvalidValue, &["KiB"]),
        case("size too large", dev("tasks: {payload_bytes_max: 1GiB}\n"), InvalidValue, &["64MiB"]),
        case("pool", var("TASKWARD__DATABASE__POOL_SIZE", "0"), InvalidValue, &["1 to 1000"]),
        case(
            "boolean",
            var("TASKWARD__DATABASE__MIGRATE_ON_START", "maybe"),
            InvalidValue,
            &["true or false"],
        ),
    ]);
}

#[test]
fn texts_urls_and_pairs() {
    check(vec![
        case("level", var("LOG_LEVEL", "DEBG"), InvalidValue, &["LOG_LEVEL", "DEBG", "did you mean DEBUG?"]),
        case("format", dev("logging: {format: jsn}\n"), InvalidValue, &["human, json", "did you mean json?"]),
        case("name", dev("app: {name: My App}\n"), InvalidValue, &["My App", "a–z"]),
        case("unquoted number", dev("app: {name: 42}\n"), InvalidValue, &["in quotes"]),
        case("host", dev("server: {host: 'http://localhost'}\n"), InvalidValue, &["host name"]),
        case(
            "sqlite with slashes",
            var("DATABASE_URL", "sqlite:///x.db"),
            InvalidValue,
            &["sqlite:PATH, without slashes"],
        ),
        case("mysql", var("DATABASE_URL", "mysql://h/db"), InvalidValue, &["SQLite and PostgreSQL"]),
        case(
            "dsn",
            var("DATABASE_URL", "host=localhost password=hunter"),
            InvalidValue,
            &["write it as a URL", "password=***"],
        ),
        case(
            "unescaped password",
            var("DATABASE_URL", "postgres://u:p/w@localhost/db").variable("APP_ENV", "dev"),
            InvalidValue,
            &["%2F", "not shown"],
        ),
        case("redis", var("REDIS_URL", "localhost:6379"), InvalidValue, &["REDIS_URL", "redis://"]),
        case(
            "endpoint",
            var("OTEL_EXPORTER_OTLP_ENDPOINT", "127.0.0.1:4318"),
            InvalidValue,
            &["OTEL_EXPORTER_OTLP_ENDPOINT", "http://"],
        ),
        case("ratio", dev("tracing: {sample_ratio: 1.5}\n"), InvalidValue, &["a number from 0 to 1"]),
        case(
            "headers",
            var("OTEL_EXPORTER_OTLP_HEADERS", "hunter2hunter2"),
            InvalidValue,
            &["NAME=VALUE", "set (14 chars"],
        ),
        case("sampler", var("OTEL_TRACES_SAMPLER", "always"), InvalidValue, &["always_on"]),
        case(
            "key with a space",
            var("API_KEY", "two words"),
            InvalidValue,
            &["a space", "set (9 chars, sha256"],
        ),
        case(
            "short key",
            Setup::of("prod").variable("API_KEY", "short"),
            InvalidValue,
            &["at least 16", "openssl"],
        ),
        case(
            "drain",
            dev("server: {drain_notice: 5m}\n"),
            Conflict,
            &["server.drain_notice exceeds server.drain_timeout", "30s"],
        ),
        case("lease", dev("worker: {lease: 48h}\n"), Conflict, &["tasks.lease_max"]),
    ]);
}

#[test]
fn files() {
    let huge = "# ".to_owned() + &"x".repeat(1 << 20);
    let with_directory = Setup::of("dev");
    std::fs::create_dir(with_directory.path("config/dev.yaml")).expect("create");
    let mut no_directory = Setup::of("dev");
    no_directory.sources.config_dir = Some("/nonexistent/config".into());
    let mut no_directory_variable = Setup::of("dev").variable("TASKWARD_CONFIG_DIR", "/nonexistent/config");
    no_directory_variable.sources.config_dir = None;
    check(vec![
        case("huge", dev(&huge), FileTooLarge, &["dev.yaml", "1 MiB"]),
        case("not UTF-8", Setup::of("dev").file("dev.yaml", b"app: \xff\n"), YamlInvalid, &["UTF-8"]),
        case("directory", with_directory, FileUnreadable, &["dev.yaml", "not a regular file"]),
        case("no directory", no_directory, DirectoryMissing, &["/nonexistent/config"]),
        case("no directory, by variable", no_directory_variable, DirectoryMissing, &["TASKWARD_CONFIG_DIR"]),
        case("duplicate", dev("app:\n  name: a\n  name: b\n"), YamlInvalid, &["dev.yaml:3", "twice"]),
        case(
            "documents",
            dev("app: {name: a}\n---\napp: {name: b}\n"),
            YamlInvalid,
            &["more than one document"],
        ),
        case("anchor", dev("app: &a {name: a}\n"), YamlInvalid, &["anchors"]),
        case("tab", dev("app:\n\tname: a\n"), YamlInvalid, &["dev.yaml:2", "spaces"]),
        case("quote", dev("app:\n  name: 'a\n"), YamlInvalid, &["quote"]),
        case("colon", dev("app:\n  name: a: b\n"), YamlInvalid, &["dev.yaml:2", "quotes"]),
        case("no space", dev("app:\n  name:a\n"), InvalidValue, &["app is a section"]),
        case("no mapping", dev("hello\n"), YamlInvalid, &["KEY: VALUE"]),
        case("tag", dev("app: {name: !secret a}\n"), YamlInvalid, &["tags"]),
        case(
            "broken defaults",
            Setup::of("dev").file("defaults.yaml", "a: b: c\n"),
            YamlInvalid,
            &["defaults.yaml:1"],
        ),
    ]);
}

#[test]
fn secrets() {
    let with_directory = Setup::of("dev");
    std::fs::create_dir(with_directory.path("secrets/api_key")).expect("create");
    let passed = Setup::of("dev");
    write_secret(&passed.path("config/api_key"), b"k", 0o444);
    let dir = passed.path("config").display().to_string();
    check(vec![
        case(
            "world-readable",
            Setup::of("dev").secret("api_key", "k", 0o444),
            SecretFileRefused,
            &["secrets/api_key", "world-readable", "0444", "chmod 600"],
        ),
        case(
            "world-writable",
            Setup::of("dev").secret("api_key", "k", 0o602),
            SecretFileRefused,
            &["open to everybody", "chmod 600"],
        ),
        case(
            "group-writable",
            Setup::of("dev").secret("api_key", "k", 0o660),
            SecretFileRefused,
            &["writable by its group", "chmod 600"],
        ),
        case(
            "empty",
            Setup::of("dev").secret("api_key", "", 0o600),
            SecretFileRefused,
            &["empty", "install -m 600"],
        ),
        case("line end only", Setup::of("dev").secret("api_key", "\n", 0o600), SecretFileRefused, &["empty"]),
        case(
            "not text",
            Setup::of("dev").secret("api_key", b"\xff\xfe", 0o600),
            SecretFileRefused,
            &["not text"],
        ),
        case("directory", with_directory, SecretFileRefused, &["not a regular file"]),
        case(
            "named and missing",
            var("API_KEY_FILE", "/nonexistent/key"),
            SecretFileRefused,
            &["/nonexistent/key", "does not exist"],
        ),
        case(
            "credential",
            passed.variable("CREDENTIALS_DIRECTORY", &dir),
            SecretFileRefused,
            &["config/api_key", "world-readable"],
        ),
    ]);
}

#[test]
fn secrets_in_files_of_prod() {
    check(vec![
        case(
            "key in prod.yaml",
            prod("server: {api_key: abc}\n"),
            SecretInFile,
            &["prod.yaml:1", "server.api_key", "API_KEY_FILE=/etc/taskward/api_key"],
        ),
        case(
            "password in prod.yaml",
            prod("database: {url: 'postgres://u:p@h/db'}\n"),
            SecretInFile,
            &["database.url", "not shown"],
        ),
        case(
            "password in a query",
            prod("database: {url: 'postgres://h/db?password=p'}\n"),
            SecretInFile,
            &["database.url"],
        ),
        case(
            "token in prod.yaml",
            prod("app: {instance: ghp_abcdefgh12345678}\n"),
            SecretInFile,
            &["app.instance"],
        ),
        case(
            "redis in prod's defaults",
            Setup::of("prod").file("defaults.yaml", "redis: {url: 'redis://:p@h'}\n"),
            SecretInFile,
            &["defaults.yaml:1", "redis.url"],
        ),
        case(
            "headers in prod.yaml",
            prod("tracing: {headers: 'authorization=x'}\n"),
            SecretInFile,
            &["tracing.headers", "TRACING_HEADERS_FILE"],
        ),
        case(
            "password of an endpoint in prod.yaml",
            prod("tracing: {endpoint: 'https://u:p@h'}\n"),
            SecretInFile,
            &["tracing.endpoint"],
        ),
    ]);
}

#[test]
fn what_an_environment_requires_is_listed_at_once() {
    for env in ["staging", "prod"] {
        let problems = Setup::new().variable("APP_ENV", env).problems();
        let keys: Vec<_> = problems.iter().map(|problem| (problem.id, problem.key)).collect();
        assert_eq!(keys, [(MissingValue, Some("database.url")), (MissingValue, Some("server.api_key"))]);
        let text = problems.to_string();
        for part in
            ["DATABASE_URL", "API_KEY", "API_KEY_FILE", "/run/secrets/api_key", "export DATABASE_URL=", env]
        {
            assert!(text.contains(part), "{part} is not in\n{text}");
        }
    }
    check(vec![
        case("open in dev", dev("server: {host: 0.0.0.0}\n"), MissingValue, &["API_KEY", "0.0.0.0"]),
        case(
            "repeated default",
            Setup::of("prod")
                .variable("DATABASE_URL", "")
                .file("defaults.yaml", "database: {url: 'sqlite:data/taskward.db'}\n"),
            MissingValue,
            &["DATABASE_URL"],
        ),
    ]);
}

#[test]
fn all_problems_are_reported_together() {
    let problems = Setup::of("prod")
        .file("prod.yaml", "server: {prot: 1, api_key: abc}\nlogging: {level: LOUD}\n")
        .variable("TASKWARD__X", "1")
        .variable("DATABASE_URL", "")
        .secret("redis_url", "", 0o600)
        .problems();
    let ids: std::collections::BTreeSet<_> = problems.iter().map(|problem| problem.id).collect();
    assert_eq!(
        ids,
        [UnknownVariable, SecretFileRefused, UnknownKey, SecretInFile, InvalidValue, MissingValue].into(),
        "{problems}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_unknown_not_wrong() {
    let setup = Setup::of("dev");
    std::fs::create_dir(setup.path("config/dev.yaml")).expect("create");
    assert!(setup.problems().only_unreadable());
    assert!(!dev("a: 1\n").problems().only_unreadable());
}
