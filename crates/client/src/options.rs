//! How a client behaves: its time limits and when it tries again.

use std::time::Duration;

/// The settings of a client.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// How long opening a connection may take.
    pub connect_timeout: Duration,
    /// How long one request may take, besides the `wait` it asks for.
    pub request_timeout: Duration,
    /// When a request is sent again.
    pub retry: RetryPolicy,
    /// The `User-Agent` header.
    pub user_agent: String,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            request_timeout: Duration::from_secs(30),
            retry: RetryPolicy::default(),
            user_agent: concat!("taskward-rust/", env!("CARGO_PKG_VERSION")).to_owned(),
        }
    }
}

/// How often, and for how long, one call is tried. A `Retry-After` of the service wins over the backoff.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// Requests per call, the first included.
    pub attempts_max: u32,
    /// The wait before the second request; each further one waits twice as long.
    pub initial: Duration,
    /// The longest wait of the backoff.
    pub max: Duration,
    /// No request is begun later than this after the call began.
    pub elapsed_max: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts_max: 5,
            initial: Duration::from_millis(100),
            max: Duration::from_secs(5),
            elapsed_max: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// One request per call.
    pub fn never() -> Self {
        Self { attempts_max: 1, ..Self::default() }
    }
}
