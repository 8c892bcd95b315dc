//! What the service has to be told; the binary fills it from the configuration.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use taskward_core::Limits;

use crate::alerts::AlertSettings;
use crate::telemetry::metrics::Directories;

/// The settings of the service.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `dev`, `staging` or `prod`; shown, never decided by.
    pub env: String,
    /// This instance's name among those on the same database.
    pub instance: String,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 for any free one.
    pub port: u16,
    /// The key that requests must carry; without one, everybody may do everything.
    pub api_key: Option<SecretString>,
    /// How old that key is at the start, where it can be known.
    pub key_age: Option<Duration>,
    /// How long a drain may take.
    pub drain_timeout: Duration,
    /// How long the port stays open after a drain began, so that balancers and workers notice.
    pub drain_notice: Duration,
    /// How long a request's head, and then its body, may take to arrive.
    pub request_timeout: Duration,
    /// Connections at a time; more wait in the listener's backlog.
    pub connections_max: usize,
    /// What a task may weigh.
    pub limits: Limits,
    /// How long finished tasks are kept.
    pub retention: Duration,
    /// How often a request that waits looks for itself, in case news from another instance was lost: seconds, or one where
    /// the store tells no news.
    pub poll: Duration,
    /// Items that may wait in memory for a commit.
    pub pending_tasks_max: usize,
    /// Bytes that may wait in memory for a commit.
    pub pending_bytes_max: usize,
    /// Where this instance keeps what must survive its restart.
    pub state_dir: PathBuf,
    /// Whether requests, tasks and transactions are counted, and a history of the figures kept.
    pub metrics: bool,
    /// The directories whose disks are watched.
    pub directories: Directories,
    /// The configuration that all this came from, to be shown.
    pub configuration: Arc<[ShownSetting]>,
    /// When something is wrong, and who is told.
    pub alerts: AlertSettings,
}

/// A key of the configuration, as people are shown it: secrets are redacted by whoever fills this in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// The key: `server.port`.
    pub key: String,
    /// Its value, in the notation of the files.
    pub value: String,
    /// Where it came from: layer, file and line, or variable.
    pub origin: String,
    /// Whether somebody set it, rather than leaving it at the built-in default.
    pub explicit: bool,
    /// How the value came to differ from what its origin says, when it does.
    pub note: Option<String>,
}
