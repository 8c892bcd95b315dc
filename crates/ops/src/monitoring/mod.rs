//! The chapter "monitoring and alerts": how does it do.

mod metrics;

pub use metrics::Group;
