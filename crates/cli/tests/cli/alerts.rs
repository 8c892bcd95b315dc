//! `taskward alerts`.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use serde_json::Value;
use taskward_core::alert::{Thresholds, rules};
use taskward_testkit::smtp::{MailOptions, MailServer, MailTls};

use crate::support::{Server, run, taskward, until};

#[test]
fn every_rule_does_what_it_should() {
    let all = run(taskward().args(["alerts", "test"])).exits(0).stdout;
    assert!(all.contains("ErrorBudgetBurn") && !all.contains("FAIL"), "{all}");
    let one = run(taskward().args(["alerts", "test", "HighLatency", "-o", "json"])).exits(0).json();
    assert_eq!(one["passed"], true);
    let scenarios: Vec<_> =
        one["replays"].as_array().expect("a list").iter().map(|r| r["scenario"].clone()).collect();
    assert_eq!(scenarios, ["breach", "too_short", "just_below", "alone", "no_data"]);
}

#[test]
fn a_rule_that_does_not_exist_has_a_near_one() {
    let unknown = run(taskward().args(["alerts", "test", "HighLatancy"])).exits(6);
    assert!(
        unknown.stderr.contains("[unknown_rule]") && unknown.stderr.contains("alerts test HighLatency"),
        "{unknown:?}"
    );
}

#[test]
fn the_rules_follow_the_configuration_and_nothing_else_is_needed() {
    let mut command = taskward();
    command.args(["alerts", "rules"]).env("APP_ENV", "prod");
    command.env("TASKWARD__ALERTS__ERROR_RATE_PERCENT", "7").env("TASKWARD__ALERTS__ERROR_RATE_FOR", "10s");
    let text = run(&mut command).exits(0).stdout;
    assert!(text.contains("> 0.07\n") && text.contains("for: 10s\n"), "{text}");
    let json = run(command.args(["-o", "json"])).exits(0).json();
    let rule = json["groups"][0]["rules"]
        .as_array()
        .and_then(|rules| rules.iter().find(|rule| rule["alert"] == "ErrorRate"));
    assert_eq!(rule.expect("the rule")["labels"]["severity"], "critical");
    command.env("TASKWARD__ALERTS__ERROR_RATE_PERCENT", "700");
    assert!(run(&mut command).exits(2).stdout.contains("alerts.error_rate_percent"));
}

#[test]
fn rules_of_a_running_service_are_listed_and_silenced() {
    let server = Server::start_with(&[("TASKWARD__ALERTS__SLACK_URL", "http://127.0.0.1:1/T0/hidden-token")]);
    let text = server.cli(["alerts", "list"]).exits(0).stdout;
    assert!(text.contains("HighLatency") && text.contains("no_data") && text.contains("slack"), "{text}");
    assert!(!text.contains("hidden-token"));
    let header = "RULE  STATE  VALUE  THRESHOLD  SEVERITY  ABOUT  SINCE  SILENCED UNTIL";
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(text.lines().next().map(words), Some(words(header)));
    assert!(text.lines().any(|line| line.starts_with("QueueStuck") && line.contains("15m")), "{text}");
    let would =
        server.cli(["alerts", "silence", "QueueStuck", "--for", "2h", "--reason", "r", "--dry-run"]).exits(0);
    assert_eq!(would.stdout, "nobody would be told of QueueStuck for 2h\n");
    let silenced = |server: &Server| -> Value {
        let list = server.json(["alerts", "list"]);
        let alerts = list["alerts"].as_array().expect("a list");
        alerts.iter().find(|alert| alert["rule"] == "QueueStuck").expect("the rule")["silence"].clone()
    };
    assert_eq!(silenced(&server), Value::Null);
    server.cli(["alerts", "silence", "QueueStuck", "--for", "2h", "--reason", "import runs"]).exits(0);
    assert_eq!(silenced(&server)["reason"], "import runs");
    let ended = server.cli(["alerts", "unsilence", "QueueStuck"]).exits(0);
    assert_eq!(ended.stdout, "everybody is told of QueueStuck again\n");
    assert_eq!(silenced(&server), Value::Null);
    let unknown = ["alerts", "silence", "QueueStucks", "--for", "2h", "--reason", "r"];
    let unknown = server.cli(unknown).exits(6);
    assert!(unknown.stderr.contains("alerts test QueueStuck"), "{unknown:?}");
    let too_long = server.cli(["alerts", "silence", "QueueStuck", "--for", "40d", "--reason", "r"]).exits(2);
    assert!(too_long.stderr.contains("720h"), "{too_long:?}");
    // Nobody said that there should be backups.
    let list = server.json(["alerts", "list"]);
    for name in ["NoBackup", "BackupFailed", "NoDrill"] {
        let rule = list["alerts"].as_array().expect("a list").iter().find(|alert| alert["rule"] == name);
        assert_eq!(rule.expect(name)["state"], "no_data", "{name}");
    }
}

#[test]
fn a_webhook_without_a_secret_is_refused() {
    let mut command = taskward();
    command
        .args(["config", "check"])
        .env("TASKWARD__ALERTS__WEBHOOK_URL", "http://127.0.0.1:1/planted-secret");
    let refused = run(&mut command).exits(3);
    assert!(refused.stdout.contains("alerts.webhook_secret"), "{refused:?}");
    assert!(!format!("{refused:?}").contains("planted"), "{refused:?}");
}

/// A service that tells of tasks that wait by mail, through this server.
fn mailing(post: &MailServer, url: &str) -> Server {
    let authority = post.authority();
    let variables = [
        ("SSL_CERT_FILE", authority.to_str().expect("UTF-8")),
        ("TASKWARD__ALERTS__SMTP_URL", url),
        ("TASKWARD__ALERTS__EMAIL_FROM", "taskward@example.com"),
        ("TASKWARD__ALERTS__EMAIL_TO", "ops@example.com, boss@example.com"),
        ("TASKWARD__ALERTS__QUEUE_STUCK", "1s"),
        ("TASKWARD__ALERTS__QUEUE_STUCK_FOR", "0s"),
        ("TASKWARD__ALERTS__GROUP_WAIT", "0s"),
    ];
    Server::start_with(&variables)
}

#[test]
fn mail_goes_encrypted_to_a_server_that_is_known_by_its_certificate() {
    for (tls, scheme, more) in
        [(MailTls::StartTls, "smtp", "?tls=required"), (MailTls::Implicit, "smtps", "")]
    {
        let options = MailOptions {
            tls: Some(tls),
            credentials: Some(("ops@example.com", "planted:s3cret")),
            ..MailOptions::default()
        };
        let post = MailServer::start(options);
        let url = format!("{scheme}://ops%40example.com:planted%3As3cret@localhost:{}{more}", post.port());
        let server = mailing(&post, &url);
        server.enqueue(&[]);
        until("a mail", || !post.received().is_empty());
        let mail = post.received().remove(0);
        assert!(mail.encrypted && mail.user.as_deref() == Some("ops@example.com"), "{mail:?}");
        assert_eq!(mail.to, ["ops@example.com", "boss@example.com"]);
        assert!(
            mail.text.contains("QueueStuck (queue=q)") && mail.text.contains("1. taskward queue list"),
            "{mail:?}"
        );
        server.work("true");
        until("the end", || post.received().iter().any(|mail| mail.text.contains("RESOLVED QueueStuck")));
        let said = server.cli(["alerts", "list"]).exits(0).stdout;
        let log = std::fs::read_to_string(server.path("serve.log")).expect("the log");
        assert!(said.contains("email") && !format!("{said}{log}").contains("planted"), "{said}{log}");
    }
}

#[test]
fn a_mail_server_that_cannot_encrypt_or_be_believed_is_told_nothing() {
    // The one offers no STARTTLS; the other's certificate was made by nobody that this machine knows.
    let plain = MailServer::start(MailOptions::default());
    let unknown = MailServer::start(MailOptions { tls: Some(MailTls::Implicit), ..MailOptions::default() });
    for (post, url, why) in [
        (
            &plain,
            format!("smtp://u:planted@localhost:{}?tls=required", plain.port()),
            "STARTTLS is not supported",
        ),
        (&unknown, format!("smtps://u:planted@localhost:{}", unknown.port()), "certificate"),
    ] {
        let server = mailing(&plain, &url);
        server.enqueue(&[]);
        let channel = || server.json(["alerts", "list"])["channels"][0].clone();
        until("the failure", || channel()["failed"] == 1);
        let error = channel()["last_error"].to_string();
        assert!(error.contains(why) && !error.contains("planted"), "{error}");
        assert!(post.received().is_empty());
    }
}

/// Every command of every step, as somebody on call pastes it where the service runs. It may say that there is nothing
/// to see (4) or that a check fails (3), but not that it does not understand (2) or that something is missing (5, 6, 8).
#[test]
fn every_command_of_every_step_runs() {
    let server = Server::start();
    let database = format!("sqlite:{}", server.path("taskward.db").display());
    // A rule about drills fires only where there was one, and so a backup.
    let elsewhere = tempfile::tempdir().expect("a directory");
    let backups = elsewhere.path().join("backups");
    let mut create = server.command(["backup", "create"]);
    run(create.env("DATABASE_URL", &database).env("TASKWARD__BACKUP__DIR", &backups)).exits(0);
    let mut tried = std::collections::BTreeSet::new();
    for rule in rules(&Thresholds::default()) {
        assert!(rule.steps[0].command.is_some(), "{}: its first step is no command", rule.name);
        for command in rule.steps.iter().filter_map(|step| step.command) {
            let words = command.strip_prefix("taskward ").expect("one of this program's");
            if tried.insert(words) {
                let mut command = server.command(words.split(' '));
                command
                    .env("DATABASE_URL", &database)
                    .env("TASKWARD__BACKUP__DIR", &backups)
                    .env("TASKWARD__LOGGING__FILE", server.path("serve.log"));
                let ran = run(&mut command);
                assert!(matches!(ran.code, Some(0 | 3 | 4)), "{}: taskward {words}: {ran:#?}", rule.name);
            }
        }
    }
    assert!(tried.len() > 5 && tried.contains("log errors --since 15m"), "{tried:?}");
}

#[test]
fn an_old_key_is_told_of_where_its_age_can_be_known() {
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
    for (place, state) in [("/var/tmp", "firing"), ("/dev/shm", "no_data")] {
        let directory = tempfile::tempdir_in(place).expect(place);
        let file = directory.path().join("api_key");
        std::fs::write(&file, "a key that is for tests".replace(' ', "-")).expect("written");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).expect("its mode");
        std::fs::File::options()
            .write(true)
            .open(&file)
            .expect("the key")
            .set_modified(old)
            .expect("its time");
        let key = file.to_str().expect("UTF-8");
        let server = Server::start_with(&[("API_KEY_FILE", key)]);
        let rule = || -> Value {
            let mut command = server.command(["alerts", "list", "-o", "json"]);
            let list = run(command.env("API_KEY_FILE", key)).exits(0).json();
            let alerts = list["alerts"].as_array().expect("a list");
            alerts.iter().find(|alert| alert["rule"] == "KeyTooOld").expect("the rule").clone()
        };
        until(state, || rule()["state"] == state);
        let metrics = format!("{}/metrics", server.url());
        let metrics =
            run(Command::new("curl").args(["--silent", "--noproxy", "*", &metrics])).exits(0).stdout;
        assert_eq!(metrics.contains("\ntaskward_key_age_seconds "), state == "firing", "{place}");
    }
}
