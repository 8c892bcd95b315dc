//! `redis`: an optional cache.

use secrecy::SecretString;

use super::section;
use crate::schema::Kind;

section! {
    /// An optional Redis; tasks are never kept in it.
    Redis = "redis" {
        /// The server: `redis://[:PASSWORD@]HOST[:PORT][/NUMBER]`, or `rediss://…` for TLS.
        url: Option<SecretString> = Kind::RedisUrl, variable: Some("REDIS_URL"), secret: Some("redis_url");
    }
}
