//! Everything that loading reads from, as a value: tests build one instead of changing their process.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

/// The environment, the process facts and the directories that the configuration is read from.
#[derive(Clone)]
pub struct Sources {
    /// The environment variables.
    pub env: BTreeMap<String, OsString>,
    /// The directory named on the command line (`--config-dir`); it wins over `TASKWARD_CONFIG_DIR`.
    pub config_dir: Option<PathBuf>,
    /// Where configuration files are looked for when no directory is named, in this order.
    pub config_dirs_default: Vec<PathBuf>,
    /// Where container engines mount secrets.
    pub run_secrets: PathBuf,
    /// Where `prod` logs to a file, if the directory exists.
    pub log_directory: PathBuf,
    /// The id of this process, which tells a unit from a shell in a systemd session.
    pub pid: u32,
}

impl Default for Sources {
    /// No environment, the usual directories, no process.
    fn default() -> Self {
        Self {
            env: BTreeMap::new(),
            config_dir: None,
            config_dirs_default: vec![PathBuf::from("./config"), PathBuf::from("/etc/taskward")],
            run_secrets: PathBuf::from("/run/secrets"),
            log_directory: PathBuf::from("/var/log/app"),
            pid: 0,
        }
    }
}

impl Sources {
    /// What this process was started with. Variables whose name is not UTF-8 are none of ours and left out.
    #[must_use]
    pub fn from_process(config_dir: Option<PathBuf>) -> Self {
        let env =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect();
        Self { env, config_dir, pid: std::process::id(), ..Self::default() }
    }

    /// The text of a variable: `None` when unset or empty, `Some(None)` when it is not UTF-8.
    ///
    /// Empty counts as unset because that is what `KEY=${KEY:-}` in a compose file means.
    pub(crate) fn text(&self, variable: &str) -> Option<Option<&str>> {
        let value = self.env.get(variable)?;
        if value.is_empty() { None } else { Some(value.to_str()) }
    }

    pub(crate) fn is_set(&self, variable: &str) -> bool {
        self.text(variable).is_some()
    }

    /// A variable that names a file or directory.
    pub(crate) fn path(&self, variable: &str) -> Option<PathBuf> {
        self.env.get(variable).filter(|value| !value.is_empty()).map(PathBuf::from)
    }

    /// The directory somebody named: by flag, or by `TASKWARD_CONFIG_DIR`.
    pub(crate) fn named_config_dir(&self) -> Option<PathBuf> {
        self.config_dir.clone().or_else(|| self.path("TASKWARD_CONFIG_DIR"))
    }
}

impl std::fmt::Debug for Sources {
    /// The environment holds secrets, so only the number of variables is shown.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sources")
            .field("env", &format_args!("{} variables", self.env.len()))
            .field("config_dir", &self.config_dir)
            .field("config_dirs_default", &self.config_dirs_default)
            .field("run_secrets", &self.run_secrets)
            .field("log_directory", &self.log_directory)
            .field("pid", &self.pid)
            .finish()
    }
}
