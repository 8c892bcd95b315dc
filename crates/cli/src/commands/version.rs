//! `taskward version`.

use serde::Serialize;

use super::Ended;
use crate::context::Context;
use crate::exit::Exit;

#[derive(Debug, Serialize)]
struct Version {
    name: &'static str,
    version: &'static str,
    os: &'static str,
    architecture: &'static str,
    build: &'static str,
}

/// Prints what this program is.
pub(crate) fn run(context: &Context) -> Ended {
    let version = Version {
        name: "taskward",
        version: env!("CARGO_PKG_VERSION"),
        os: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
        build: if cfg!(debug_assertions) { "debug" } else { "release" },
    };
    context.output.result(&version, || {
        format!("taskward {} ({} {}, {})", version.version, version.os, version.architecture, version.build)
    })?;
    Ok(Exit::Ok)
}
