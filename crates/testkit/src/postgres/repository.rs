//! A repository of pgBackRest, and a server that archives its log into it.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::TempPostgres;
use super::cluster::give_to_server;
use super::commands;

/// What pgBackRest calls the server's cluster.
const STANZA: &str = "main";

/// A repository with a configuration of its own; its methods panic like those of [`TempPostgres`]. pgBackRest runs as the
/// server's user.
pub struct Repository {
    directory: TempDir,
}

impl Repository {
    /// An empty one, without a stanza yet, and a server whose log goes there. With a passphrase it is encrypted.
    pub fn start(passphrase: Option<&str>) -> (Self, TempPostgres) {
        let repository = Self { directory: tempfile::tempdir().expect("a directory") };
        let directory = repository.directory.path();
        fs::set_permissions(directory, Permissions::from_mode(0o755)).expect("its mode");
        let config = repository.config();
        let archive = format!("pgbackrest --config={} --stanza={STANZA} archive-push %p", config.display());
        let settings = [("archive_mode", "on"), ("archive_command", &archive), ("fsync", "off")];
        let postgres = TempPostgres::start_with(&settings);
        let mut text = String::from("[global]\nstart-fast=y\nrepo1-retention-full=2\n");
        for (option, name) in
            [("repo1-path", "repo"), ("log-path", "log"), ("lock-path", "lock"), ("spool-path", "spool")]
        {
            let path = directory.join(name);
            fs::create_dir(&path).expect("a directory");
            give_to_server(&path);
            text.push_str(&format!("{option}={}\n", path.display()));
        }
        if let Some(passphrase) = passphrase {
            text.push_str(&format!("repo1-cipher-type=aes-256-cbc\nrepo1-cipher-pass={passphrase}\n"));
        }
        let data = postgres.data_directory();
        text.push_str(&format!(
            "[{STANZA}]\npg1-path={}\npg1-socket-path={}\npg1-port={}\npg1-user=taskward\n",
            data.display(),
            data.parent().expect("a directory").display(),
            postgres.port()
        ));
        fs::write(&config, text).expect("written");
        (repository, postgres)
    }

    /// Its configuration, for the variable `PGBACKREST_CONFIG`.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("pgbackrest.conf")
    }

    /// Where its files are.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("repo")
    }

    /// Runs pgBackRest for the stanza, and returns what it printed.
    pub fn pgbackrest(&self, words: &[&str]) -> String {
        let mut command = commands::as_server(Path::new("pgbackrest"), false);
        command.arg(format!("--stanza={STANZA}")).args(words);
        commands::run(command.env("PGBACKREST_CONFIG", self.config()))
    }
}
