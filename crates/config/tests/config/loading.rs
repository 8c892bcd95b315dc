//! What good configurations come to.

use std::time::Duration;

use crate::support::{Setup, write_secret};
use secrecy::ExposeSecret;
use taskward_config::{Config, DatabaseTarget, Loaded, Origin, diff};
use taskward_core::LogLevel;

fn origin(loaded: &Loaded, key: &str) -> Origin {
    loaded.values.iter().find(|value| value.key == key).expect(key).origin.clone()
}

fn load(setup: &Setup) -> Loaded {
    setup.load().unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn values_are_typed_and_know_where_they_came_from() {
    let setup = Setup::of("dev")
        .file("dev.yaml", "server:\n  port: 9000\ntasks:\n  payload_bytes_max: 1MiB\n  retention: 30d\n")
        .variable("LOG_LEVEL", "warn")
        .secret("api_key", "a key\n".replace(' ', "-"), 0o640);
    let loaded = load(&setup);
    assert_eq!(loaded.config.server.port, 9000);
    assert_eq!(loaded.config.tasks.payload_bytes_max, 1 << 20);
    assert_eq!(loaded.config.tasks.retention, Duration::from_secs(30 * 86_400));
    assert_eq!(loaded.config.logging.level, LogLevel::Warning);
    let key = loaded.config.server.api_key.as_ref().map(|key| key.expose_secret().to_owned());
    assert_eq!(key.as_deref(), Some("a-key"));
    assert_eq!(origin(&loaded, "server.port"), Origin::File { path: setup.path("config/dev.yaml"), line: 2 });
    assert_eq!(origin(&loaded, "logging.level"), Origin::Env { variable: "LOG_LEVEL".to_owned() });
    assert_eq!(origin(&loaded, "server.api_key"), Origin::Secret { path: setup.path("secrets/api_key") });
    assert!(!origin(&loaded, "server.host").is_explicit());
}

#[test]
fn a_secrets_file_beats_a_variable_and_the_most_specific_file_wins() {
    let setup = Setup::of("dev").variable("API_KEY", "from-the-variable").secret(
        "api_key",
        "from-run-secrets",
        0o400,
    );
    assert_eq!(
        origin(&load(&setup), "server.api_key"),
        Origin::Secret { path: setup.path("secrets/api_key") }
    );

    let passed = setup.path("passed");
    std::fs::create_dir(&passed).expect("create");
    write_secret(&passed.join("api_key"), b"from-credentials", 0o400);
    let setup = setup.variable("CREDENTIALS_DIRECTORY", &passed.display().to_string());
    assert_eq!(origin(&load(&setup), "server.api_key"), Origin::Secret { path: passed.join("api_key") });

    let named = setup.path("named");
    write_secret(&named, b"from-the-named-file", 0o400);
    let setup = setup.variable("API_KEY_FILE", &named.display().to_string());
    assert_eq!(origin(&load(&setup), "server.api_key"), Origin::Secret { path: named });
}

#[test]
fn sqlite_in_prod_has_to_be_said() {
    let setup = Setup::of("prod").variable("DATABASE_URL", "sqlite:/var/lib/taskward/t.db");
    let DatabaseTarget::Sqlite(path) = load(&setup).config.database.target() else { panic!("SQLite") };
    assert_eq!(path.to_str(), Some("/var/lib/taskward/t.db"));
    let in_file =
        Setup::of("prod").variable("DATABASE_URL", "").file("prod.yaml", "database: {url: 'sqlite:x.db'}\n");
    assert!(matches!(load(&in_file).config.database.target(), DatabaseTarget::Sqlite(_)));
}

#[test]
fn a_url_without_a_password_may_stand_in_prod_yaml() {
    let setup = Setup::of("prod")
        .variable("DATABASE_URL", "")
        .file("prod.yaml", "database: {url: 'postgres://app@db/t'}\n");
    assert!(matches!(load(&setup).config.database.target(), DatabaseTarget::Postgres(_)));
}

#[test]
fn the_format_of_logs_follows_the_environment() {
    assert_eq!(load(&Setup::of("dev")).config.logging.format.name(), "human");
    assert_eq!(load(&Setup::of("prod")).config.logging.format.name(), "json");
    let human = Setup::of("prod").variable("TASKWARD__LOGGING__FORMAT", "human");
    assert_eq!(load(&human).config.logging.format.name(), "human");
}

#[test]
fn prod_logs_to_the_directory_that_was_made_for_it() {
    let mut setup = Setup::of("prod").variable("TASKWARD__APP__NAME", "billing");
    setup.sources.log_directory = setup.path("logs");
    assert_eq!(load(&setup).config.logging.file, None, "no directory, no file");
    std::fs::create_dir(setup.path("logs")).expect("a directory");
    let expected = Some(setup.path("logs").join("billing.log"));
    assert_eq!(load(&setup).config.logging.file, expected);
    assert_eq!(Config::load_logging(&setup.sources).expect("loads").file, expected);
    let setup = setup.variable("TASKWARD__LOGGING__FILE", "/elsewhere/a.log");
    assert_eq!(load(&setup).config.logging.file, Some("/elsewhere/a.log".into()));
    let mut dev = Setup::of("dev");
    dev.sources.log_directory = setup.path("logs");
    assert_eq!(load(&dev).config.logging.file, None);
}

#[test]
fn where_the_log_is_can_be_known_without_the_services_secrets() {
    let setup = Setup::new()
        .variable("APP_ENV", "prod")
        .variable("API_KEY_FILE", "/nonexistent")
        .variable("TASKWARD__LOGGING__FILE", "/elsewhere/a.log");
    assert!(setup.load().is_err());
    let logging = Config::load_logging(&setup.sources).expect("loads");
    assert_eq!(logging.file, Some("/elsewhere/a.log".into()));
}

#[test]
fn a_service_that_would_log_nowhere_is_refused() {
    let setup = Setup::of("dev").variable("TASKWARD__LOGGING__STDOUT", "false");
    let problems = setup.load().expect_err("refused").to_string();
    assert!(problems.contains("the service would log nowhere"), "{problems}");
    let setup = setup.variable("TASKWARD__LOGGING__FILE", "a.log");
    assert!(!load(&setup).config.logging.stdout);
}

#[test]
fn a_default_gives_way_to_what_was_set() {
    let setup = Setup::of("dev").variable("TASKWARD__TASKS__PENDING_TASKS_MAX", "10");
    let loaded = load(&setup);
    assert_eq!(loaded.config.tasks.batch_tasks_max, 10);
    let value = loaded.values.iter().find(|value| value.key == "tasks.batch_tasks_max").expect("there");
    assert_eq!(value.note.as_deref(), Some("lowered from 10000 to fit tasks.pending_tasks_max"));
    let drain = Setup::of("dev").variable("TASKWARD__SERVER__DRAIN_TIMEOUT", "0s");
    assert_eq!(load(&drain).config.server.drain_notice, Duration::ZERO);
}

#[test]
fn a_file_can_unset_an_optional_value() {
    let setup = Setup::of("dev")
        .file("defaults.yaml", "logging: {file: a.log}\n")
        .file("dev.yaml", "logging:\n  file:\n");
    assert_eq!(load(&setup).config.logging.file, None);
}

#[test]
fn the_long_variable_beats_the_short_one_and_empty_means_unset() {
    let setup = Setup::of("dev").variable("LOG_LEVEL", "ERROR").variable("TASKWARD__LOGGING__LEVEL", "DEBUG");
    assert_eq!(load(&setup).config.logging.level, LogLevel::Debug);
    let setup = setup.variable("TASKWARD__LOGGING__LEVEL", "");
    assert_eq!(load(&setup).config.logging.level, LogLevel::Error);
}

#[test]
fn other_variables_of_the_product_are_none_of_ours() {
    let setup = Setup::of("dev")
        .variable("TASKWARD_URL", "http://x")
        .variable("TASKWARD_SERVER_PORT", "tcp://10.0.0.1:1");
    assert_eq!(load(&setup).config.server.port, 8000);
}

#[test]
fn a_demo_on_a_local_postgres_is_dev() {
    let setup = Setup::new()
        .variable("DATABASE_URL", "postgres://u:p@127.0.0.1:5433/t")
        .variable("INVOCATION_ID", "of the user's session");
    assert_eq!(load(&setup).config.env.name(), "dev");
}

#[test]
fn a_diff_tells_what_a_reload_applies() {
    let old = load(&Setup::of("dev").variable("API_KEY", "first-of-two-keys"));
    let new = Setup::of("dev")
        .variable("API_KEY", "other-of-two-keys")
        .variable("LOG_LEVEL", "DEBUG")
        .variable("TASKWARD__SERVER__PORT", "9000");
    let changes = diff(&old, &load(&new));
    assert!(diff(&old, &old).is_empty());
    assert_eq!(
        changes.reload.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["logging.level: INFO → DEBUG"]
    );
    let keys: Vec<_> = changes.restart.iter().map(|change| change.key).collect();
    assert_eq!(keys, ["server.port", "server.api_key"]);
    assert!(!format!("{changes:?}").contains("of-two-keys"));
}

#[test]
fn a_worker_wants_its_own_section_only() {
    let setup = Setup::new().variable("APP_ENV", "prod").variable("TASKWARD__WORKER__CONCURRENCY", "4");
    assert!(setup.load().is_err(), "the service wants a database and a key in prod");
    let worker = Config::load_worker(&setup.sources).expect("loads");
    assert_eq!((worker.concurrency, worker.lease), (4, Duration::from_secs(60)));
    let setup = Setup::new().variable("APP_ENV", "prod").variable("TASKWARD__WORKER__CONCURRENCY", "0");
    assert!(Config::load_worker(&setup.sources).is_err());
}
