//! The HTTP interface: `router.rs` lists every route, `routes/` has a file for each, and the rest is what
//! they share.

pub(crate) mod auth;
pub(crate) mod body;
pub(crate) mod error;
pub(crate) mod fields;
pub(crate) mod observe;
pub(crate) mod params;
mod readable;
pub mod router;
pub(crate) mod routes;
mod state;
pub(crate) mod trace;
pub(crate) mod validate;

pub use router::{openapi, router};
pub use state::{App, Telemetry};
