//! One file per section. Each key is declared once, there.

mod alerts;
mod app;
mod backup;
mod database;
mod logging;
mod metrics;
mod redis;
mod server;
mod tasks;
mod tracing;
mod worker;

pub use alerts::{AlertMail, Alerts};
pub use app::App;
pub use backup::{Backup, BackupEngine, WalMode};
pub use database::{Database, DatabaseTarget};
pub use logging::{LogFormat, Logging};
pub use metrics::Metrics;
pub use redis::Redis;
pub use server::Server;
pub use tasks::Tasks;
pub use tracing::{Sampling, Tracing};
pub use worker::Worker;

/// Declares a section: its struct, and the table of its keys with the documentation of the fields.
macro_rules! section {
    (
        $(#[doc = $section_doc:literal])+
        $name:ident = $section:literal {
            $( $(#[doc = $doc:literal])+ $field:ident: $type:ty = $kind:expr $(, $part:ident: $value:expr)*; )+
        }
    ) => {
        $(#[doc = $section_doc])+
        #[derive(Debug, Clone)]
        pub struct $name {
            $( $(#[doc = $doc])+ pub $field: $type, )+
        }

        impl $name {
            pub(crate) const SECTION: $crate::schema::Section = $crate::schema::Section {
                name: $section,
                doc: concat!($($section_doc, "\n"),+),
                keys: &[ $( $crate::schema::Key {
                    path: concat!($section, ".", stringify!($field)),
                    doc: concat!($($doc, "\n"),+),
                    kind: $kind,
                    $( $part: $value, )*
                    ..$crate::schema::Key::PLAIN
                } ),+ ],
            };

            /// The section from values of the declared kinds.
            pub(crate) fn from_values(values: &$crate::value::Values) -> Option<Self> {
                Some(Self {
                    $( $field: $crate::value::FromValue::from_value(
                        values.get(concat!($section, ".", stringify!($field)))?,
                    )?, )+
                })
            }
        }
    };
}
use section;

/// Lengths of time in milliseconds, for the ranges of durations.
mod ms {
    pub(super) const SECOND: u64 = 1_000;
    pub(super) const MINUTE: u64 = 60 * SECOND;
    pub(super) const HOUR: u64 = 60 * MINUTE;
    pub(super) const DAY: u64 = 24 * HOUR;
}

/// Sizes in bytes, for the ranges of sizes.
mod size {
    pub(super) const KIB: u64 = 1 << 10;
    pub(super) const MIB: u64 = 1 << 20;
    pub(super) const GIB: u64 = 1 << 30;
}
