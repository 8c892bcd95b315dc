//! `app`: who this service is.

use super::section;
use crate::schema::Kind;

section! {
    /// Who this service is.
    App = "app" {
        /// The name of the service, as it appears in logs, metrics and `/health`. The unit is `app-<name>`.
        name: String = Kind::Name, default: "example";
        /// The name of this instance among several of the same service.
        instance: Option<String> = Kind::Label, unset: "the host's name";
    }
}
