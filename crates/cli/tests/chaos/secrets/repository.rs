//! pgBackRest with an encrypted repository: its passphrase, and the keys in there, are its own.

use std::path::Path;
use std::time::Duration;

use taskward_testkit::postgres::Repository;

use super::data::{show, written};
use super::programs::add_processes;
use super::{CIPHER_PASSPHRASE, PASSWORD_IN_URL, Said, WRONG_PASSPHRASE, run};
use crate::support::{Service, eventually};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn secrets_stay_secret_pgbackrest() {
    for format in ["human", "json"] {
        session(format).await;
    }
}

async fn session(format: &str) {
    let (repository, postgres) = Repository::start(Some(CIPHER_PASSPHRASE));
    let backups = tempfile::tempdir().expect("a directory of backups");
    let url = postgres.create_database().replace("taskward@", &format!("taskward:{PASSWORD_IN_URL}@"));
    let mut service = Service::at(&url)
        .with("LOG_LEVEL", "TRACE")
        .with("PGBACKREST_CONFIG", &repository.config().display().to_string())
        .with("TASKWARD__BACKUP__DIR", &backups.path().display().to_string())
        .with("TASKWARD__BACKUP__ENGINE", "pgbackrest")
        .with("TASKWARD__BACKUP__PGBACKREST_STANZA", "main")
        // The service makes one, too, and fails until there is a stanza.
        .with("TASKWARD__BACKUP__SCHEDULE", "24h")
        .with("TASKWARD__LOGGING__FORMAT", format);
    let mut said = Said::default();
    service.start_ready().await;
    eventually("the service has failed to make one", LIMIT, async || {
        service.printed().contains("no backup was made").then_some(())
    })
    .await;
    commands(&service, &[("backup create", 5), ("backup check", 3)], &[], &mut said).await;
    said.add("stanza-create", repository.pgbackrest(&["stanza-create"]));
    eventually("the service has made one", LIMIT, async || {
        service.printed().contains("made the backup").then_some(())
    })
    .await;

    // As root, a restored server is another user's.
    open(service.dir());
    let restore = format!("restore run --latest --target {} --yes", service.dir().join("restored").display());
    let show = show(backups.path());
    let fine = [
        ("config show --origin", 0),
        ("backup create --dry-run", 0),
        ("backup create --label l", 0),
        ("backup list", 0),
        (&show, 0),
        ("backup verify --latest", 0),
        ("backup prune --dry-run", 0),
        ("backup schedule", 0),
        ("drill restore --latest", 0),
        ("drill history", 0),
        ("backup check", 0),
        ("restore run --latest --preview", 0),
        (&restore, 0),
    ];
    commands(&service, &fine, &[], &mut said).await;
    add_processes(&mut said);
    failing(&service, &mut said).await;
    written(backups.path(), &mut said);
    service.stop().await;
    said.add("the log", service.printed());
    said.add("the server's log", postgres.log());
    said.check(&format!("secrets_pgbackrest_{format}"));
    no_key(&repository, &said);
}

/// With another passphrase, another stanza, and a passphrase for a repository without encryption.
async fn failing(service: &Service, said: &mut Said) {
    let another = [("PGBACKREST_REPO1_CIPHER_PASS", WRONG_PASSPHRASE)];
    let none = [("PGBACKREST_REPO1_CIPHER_TYPE", "none")];
    let bad = [("PGBACKREST_REPO1_CIPHER_TYPE", CIPHER_PASSPHRASE)];
    let unknown = [("TASKWARD__BACKUP__PGBACKREST_STANZA", "unknown")];
    let debug =
        [("PGBACKREST_LOG_LEVEL_STDERR", "debug"), ("PGBACKREST_REPO1_CIPHER_PASS", WRONG_PASSPHRASE)];
    for variables in [&another[..], &none, &bad, &unknown, &debug] {
        let cases = ["backup create", "backup verify --latest", "backup check", "drill restore --latest"];
        for command in cases {
            let ended = one(service, command, variables, said).await;
            // What was made is of the stanza that it was made of.
            let fails = *variables != unknown || command == "backup create" || command == "backup check";
            assert_eq!(ended != 0, fails, "{command} with {variables:?}: {}", said.last());
        }
    }
}

/// The keys that pgBackRest has made are in nothing that was said either.
fn no_key(repository: &Repository, said: &Said) {
    let info = repository.pgbackrest(&["info", "--output=json"]);
    let info: serde_json::Value = serde_json::from_str(&info).expect("JSON");
    let backups = info[0]["backup"].as_array().expect("backups");
    let manifests = backups
        .iter()
        .map(|kept| format!("backup/main/{}/backup.manifest", kept["label"].as_str().expect("a label")));
    let files = manifests.chain(["backup/main/backup.info", "archive/main/archive.info"].map(str::to_owned));
    let mut found = 0;
    for text in files.map(|file| repository.pgbackrest(&["repo-get", &file])) {
        for key in text.lines().filter_map(|line| line.strip_prefix("cipher-pass=")) {
            said.has_no(key.trim_matches('"'));
            found += 1;
        }
    }
    assert!(found >= 4, "only {found} keys were found");
}

async fn commands(service: &Service, cases: &[(&str, i32)], variables: &[(&str, &str)], said: &mut Said) {
    for (command, code) in cases {
        let ended = one(service, command, variables, said).await;
        assert_eq!(*code, ended, "{command}: {}", said.last());
    }
}

/// Runs a command as JSON where the log is, so that both formats are seen.
async fn one(service: &Service, command: &str, variables: &[(&str, &str)], said: &mut Said) -> i32 {
    let mut env = service.env.clone();
    env.insert("TASKWARD_URL".to_owned(), service.url());
    env.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let is_json = service.env["TASKWARD__LOGGING__FORMAT"] == "json";
    let format = if is_json { "json" } else { "text" };
    let args: Vec<&str> = ["-o", format].into_iter().chain(command.split(' ')).collect();
    run(service, &env, &args, said).await
}

fn open(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o755)).expect("its mode");
}
