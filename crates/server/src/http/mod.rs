//! The HTTP interface: `router.rs` lists every route, `routes/` has a file for each, and the rest is what
//! they share.

mod auth;
mod body;
mod error;
mod fields;
mod observe;
mod params;
mod readable;
pub mod router;
mod routes;
mod state;
mod validate;

pub use router::{openapi, router};
pub use state::App;
