//! The parts of the service that can have a level of their own.

/// Modules and what they say, each with all below it.
pub const TARGETS: &[(&str, &str)] = &[
    ("taskward::commands", "start, signals, reloads"),
    ("taskward_server", "the service without its databases"),
    ("taskward_server::engine", "batches that were refused"),
    ("taskward_server::http", "requests and what became of them"),
    ("taskward_server::http::routes", "what operators did through the interface"),
    ("taskward_server::maintenance", "promoting, rescuing, pruning"),
    ("taskward_server::telemetry", "the log itself, and sending spans"),
    ("taskward_store", "the databases"),
    ("taskward_store::postgres", "PostgreSQL"),
    ("taskward_store::sqlite", "SQLite"),
];

/// The part of this name.
pub(super) fn find(target: &str) -> Option<&'static str> {
    TARGETS.iter().map(|(known, _)| *known).find(|known| *known == target)
}

/// The one that was probably meant.
pub(super) fn nearest(target: &str) -> &'static str {
    let names = TARGETS.iter().map(|(name, _)| *name);
    let written: String = target.chars().take(128).collect::<String>().replace(['.', '-'], "_");
    names.min_by_key(|name| strsim::osa_distance(&written, name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    #[test]
    fn the_nearest_is_what_was_meant() {
        assert_eq!(nearest("taskward_store::postgress"), "taskward_store::postgres");
        assert_eq!(nearest("taskward-store"), "taskward_store");
        assert_eq!(nearest("taskward_server::maintainance"), "taskward_server::maintenance");
        assert!(find("taskward_server::http").is_some() && find("hyper").is_none());
    }

    fn crate_sources(crate_name: &str) -> PathBuf {
        let folder = if crate_name == "taskward" { "cli" } else { &crate_name["taskward_".len()..] };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).join("src")
    }

    #[test]
    fn every_target_is_a_module() {
        for (target, _) in TARGETS {
            let mut parts = target.split("::");
            let sources = crate_sources(parts.next().expect("a crate"));
            let module = parts.fold(sources, |path, part| path.join(part));
            assert!(module.is_dir() || module.with_extension("rs").is_file(), "there is no {target}");
        }
    }
}
