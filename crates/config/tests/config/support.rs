//! A configuration directory, secrets and an environment of a test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use taskward_config::{Config, Loaded, Problems, Sources};
use tempfile::TempDir;

/// Everything that a load reads from, in a directory that goes away.
pub(crate) struct Setup {
    dir: TempDir,
    pub(crate) sources: Sources,
}

impl Setup {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let (config, secrets) = (dir.path().join("config"), dir.path().join("secrets"));
        fs::create_dir(&config).expect("config");
        fs::create_dir(&secrets).expect("secrets");
        let sources = Sources { config_dir: Some(config), run_secrets: secrets, ..Sources::default() };
        Self { dir, sources }
    }

    /// A setup of an environment that lacks nothing.
    pub(crate) fn of(env: &str) -> Self {
        let mut setup = Self::new().variable("APP_ENV", env);
        if env != "dev" {
            setup = setup
                .variable("API_KEY", "0123456789abcdefghij")
                .variable("DATABASE_URL", "postgres://app:pw-of-the-test@db.example.com/taskward");
        }
        setup
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.sources.env.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn file(self, name: &str, text: impl AsRef<[u8]>) -> Self {
        fs::write(self.path("config").join(name), text).expect("write");
        self
    }

    /// A file under `secrets/`, which stands for `/run/secrets`.
    pub(crate) fn secret(self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> Self {
        write_secret(&self.path("secrets").join(name), text.as_ref(), mode);
        self
    }

    pub(crate) fn load(&self) -> Result<Loaded, Problems> {
        Config::load(&self.sources)
    }

    pub(crate) fn problems(&self) -> Problems {
        match self.load() {
            Ok(_) => panic!("the configuration was taken"),
            Err(problems) => problems,
        }
    }
}

pub(crate) fn write_secret(path: &Path, text: &[u8], mode: u32) {
    fs::write(path, text).expect("write");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("mode");
}
