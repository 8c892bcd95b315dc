//! The YAML files: the built-in defaults, and those of the configuration directory.

use std::path::{Path, PathBuf};

use super::{quoted, read_limited};
use crate::nearest::nearest;
use crate::origin::Origin;
use crate::problem::{Place, Problem, ProblemId, Problems};
use crate::schema::{self, Key, SECTIONS, Section};
use crate::sources::Sources;
use crate::suspicious;
use crate::value::{Raw, Setting, Settings};
use crate::yaml::{self, Entry, Node};

/// The built-in defaults.
pub(crate) const DEFAULTS: &str = include_str!("../../../../config/defaults.yaml");

/// The largest configuration file that is read.
const BYTES_MAX: u64 = 1 << 20;

/// The settings of the built-in defaults.
pub(crate) fn built_in(problems: &mut Problems) -> Settings {
    let origin = |line| Origin::Default { line };
    match yaml::parse(DEFAULTS) {
        Ok(entries) => {
            Reader { path: Path::new("defaults.yaml"), origin: &origin, problems }.settings(&entries)
        }
        // A test parses them, so this would be a broken build.
        Err(error) => {
            problems.push(invalid_yaml(Path::new("built-in defaults.yaml"), &error));
            Settings::new()
        }
    }
}

/// The settings of a file of the configuration directory; none when there is no such file.
pub(crate) fn read(sources: &Sources, name: &str, problems: &mut Problems) -> Settings {
    let Some(path) = find(sources, name) else { return Settings::new() };
    let Some(text) = text_of(&path, problems) else { return Settings::new() };
    match yaml::parse(&text) {
        Ok(entries) => {
            let origin = |line| Origin::File { path: path.clone(), line };
            Reader { path: &path, origin: &origin, problems }.settings(&entries)
        }
        Err(error) => {
            problems.push(invalid_yaml(&path, &error));
            Settings::new()
        }
    }
}

/// Complains when somebody named a directory that is not there: the files in it may be missing, but a mistyped
/// directory would silently mean the defaults.
pub(crate) fn check_directory(sources: &Sources, problems: &mut Problems) {
    let Some(dir) = sources.named_config_dir() else { return };
    if dir.is_dir() {
        return;
    }
    let place = match &sources.config_dir {
        Some(dir) => Place::File { path: dir.clone(), line: None },
        None => Place::Variable { variable: "TASKWARD_CONFIG_DIR".to_owned() },
    };
    problems.push(
        Problem::new(ProblemId::DirectoryMissing, place, "the configuration directory does not exist")
            .value(quoted(&dir))
            .fix(format!("mkdir -p {}   # or name another: --config-dir DIR", quoted(&dir))),
    );
}

/// The first directory that has the file decides; a named directory is the only one.
fn find(sources: &Sources, name: &str) -> Option<PathBuf> {
    let dirs =
        sources.named_config_dir().map_or_else(|| sources.config_dirs_default.clone(), |dir| vec![dir]);
    dirs.into_iter().map(|dir| dir.join(name)).find(|path| path.symlink_metadata().is_ok())
}

fn text_of(path: &Path, problems: &mut Problems) -> Option<String> {
    let place = || Place::File { path: path.to_owned(), line: None };
    let content = match read_limited(path, BYTES_MAX) {
        Ok(content) => content?.0,
        Err(error) => {
            problems.push(
                Problem::new(ProblemId::FileUnreadable, place(), "the file can't be read")
                    .why(error.to_string())
                    .fix(format!("ls -lL {}", quoted(path))),
            );
            return None;
        }
    };
    if content.len() as u64 > BYTES_MAX {
        problems.push(
            Problem::new(ProblemId::FileTooLarge, place(), "the file is larger than 1 MiB")
                .why("no configuration is; it is probably another file")
                .fix(format!("ls -lL {}", quoted(path))),
        );
        return None;
    }
    if let Ok(text) = String::from_utf8(content) {
        return Some(text);
    }
    problems.push(
        Problem::new(ProblemId::YamlInvalid, place(), "the file is not UTF-8 text")
            .fix(format!("file {0} && iconv -f latin1 -t utf-8 {0}", quoted(path))),
    );
    None
}

fn invalid_yaml(path: &Path, error: &yaml::YamlError) -> Problem {
    let place = Place::File { path: path.to_owned(), line: error.line };
    Problem::new(ProblemId::YamlInvalid, place, format!("the file can't be used: {}", error.reason))
        .why("its lines are not shown here, because they may hold a secret")
        .fix(match error.line {
            Some(line) => format!("${{EDITOR:-vi}} +{line} {}", quoted(path)),
            None => format!("${{EDITOR:-vi}} {}", quoted(path)),
        })
}

/// Turns the tree of one file into settings.
struct Reader<'a> {
    path: &'a Path,
    origin: &'a dyn Fn(u32) -> Origin,
    problems: &'a mut Problems,
}

impl Reader<'_> {
    fn settings(mut self, entries: &[Entry]) -> Settings {
        let mut settings = Settings::new();
        for entry in entries {
            match SECTIONS.iter().find(|section| section.name == entry.name) {
                Some(section) => self.section(section, entry, &mut settings),
                None => self.unknown(entry, "section", None),
            }
        }
        settings
    }

    fn section(&mut self, section: &Section, entry: &Entry, settings: &mut Settings) {
        match &entry.node {
            Node::Mapping(entries) => {
                for entry in entries {
                    match section.keys.iter().find(|key| key.name() == entry.name) {
                        Some(key) => self.setting(key, entry, settings),
                        None => self.unknown(entry, "key", Some(section)),
                    }
                }
            }
            // A section whose keys are all commented out.
            Node::Scalar(Raw::Null) => {}
            Node::Scalar(_) => {
                let what = format!("{} is a section and takes keys, not a value", section.name);
                let example = section.keys.first().map_or("key", Key::name);
                self.problems.push(
                    Problem::new(ProblemId::InvalidValue, self.place(entry), what)
                        .expected(format!("`{}:` and below it, indented, `{example}: …`", section.name))
                        .fix(self.edit(entry)),
                );
            }
        }
    }

    fn setting(&mut self, key: &Key, entry: &Entry, settings: &mut Settings) {
        let raw = match &entry.node {
            Node::Scalar(raw) => raw.clone(),
            Node::Mapping(_) => Raw::Mapping,
        };
        settings.insert(key.path, Setting { raw, origin: (self.origin)(entry.line) });
    }

    fn unknown(&mut self, entry: &Entry, noun: &str, section: Option<&Section>) {
        let full =
            section.map_or_else(|| entry.name.clone(), |section| format!("{}.{}", section.name, entry.name));
        let near = section
            .and_then(|section| nearest(&full, section.keys.iter().map(|key| key.path)))
            .or_else(|| {
                if section.is_none() { nearest(&full, SECTIONS.map(|section| section.name)) } else { None }
            })
            .or_else(|| schema::nearest_key(&full))
            .or_else(|| schema::nearest_key(&entry.name));
        // A known name is harmless; one that is unlike any may be a value that lost its key.
        let shown =
            if near.is_some_and(|near| is_close(&full, near)) || suspicious::is_showable_name(&entry.name) {
                full
            } else {
                section.map_or_else(
                    || "(name not shown)".to_owned(),
                    |section| format!("{}.(name not shown)", section.name),
                )
            };
        let mut problem =
            Problem::new(ProblemId::UnknownKey, self.place(entry), format!("there is no {noun} {shown}"))
                .fix(self.edit(entry));
        if let Some(near) = near {
            problem = problem.nearest(near);
            if let Some((section, name)) = near.split_once('.') {
                problem = problem.expected(format!("`{name}:` indented under `{section}:`"));
            }
        }
        if suspicious::is_secret_name(&entry.name) {
            problem =
                problem.why("secrets belong in secrets files or variables: DATABASE_URL, REDIS_URL, API_KEY");
        }
        self.problems.push(problem);
    }

    fn place(&self, entry: &Entry) -> Place {
        Place::File { path: self.path.to_owned(), line: Some(entry.line) }
    }

    fn edit(&self, entry: &Entry) -> String {
        format!("${{EDITOR:-vi}} +{} {}", entry.line, quoted(self.path))
    }
}

/// So near to a known name that nothing of a secret can be in it.
fn is_close(name: &str, known: &str) -> bool {
    strsim::osa_distance(&name.to_ascii_lowercase(), known) <= 2
}
