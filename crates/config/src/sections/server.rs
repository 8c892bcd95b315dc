//! `server`: the HTTP server.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::{ms, section};
use crate::schema::Kind;

section! {
    /// The HTTP server.
    Server = "server" {
        /// The address to listen on. Anything but a loopback address needs an API key.
        host: String = Kind::Host, default: "127.0.0.1";
        /// The port to listen on; 0 takes any free one.
        port: u16 = Kind::Integer { min: 0, max: 65_535 }, default: "8000";
        /// The key that clients send as `Authorization: Bearer KEY`. Required in staging and prod, with at
        /// least 16 characters there. Without one, dev answers everybody, but on a loopback address only.
        api_key: Option<SecretString> = Kind::ApiKey, variable: Some("API_KEY"), secret: Some("api_key");
        /// How long a stop waits for requests in flight before it ends them. Service managers must wait longer
        /// than that before they kill.
        drain_timeout: Duration = Kind::Duration { ms_min: 0, ms_max: ms::HOUR }, default: "30s";
        /// How long the port stays open, answering "not ready", after a stop began, so that load balancers
        /// notice. It is a part of `drain_timeout`.
        drain_notice: Duration = Kind::Duration { ms_min: 0, ms_max: 10 * ms::MINUTE }, default: "500ms";
        /// How long a request's head, and then its body, may take to arrive.
        request_timeout: Duration = Kind::Duration { ms_min: 100, ms_max: ms::HOUR }, default: "30s";
        /// Connections held open at once; more wait until one closes.
        connections_max: usize = Kind::Integer { min: 1, max: 1_000_000 }, default: "10000";
        /// The directory where this instance keeps what must survive its restart, such as the mode that
        /// `taskward maintenance` set. It is made when it is needed.
        state_dir: Option<PathBuf> = Kind::Path,
            unset: "the directory of the SQLite file; with PostgreSQL ./data";
    }
}

impl Server {
    /// Whether `host` is an address of this machine only. A name counts only when it is `localhost`: what
    /// others resolve to is not known here.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        crate::redact::is_local(&self.host)
    }
}
