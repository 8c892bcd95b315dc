//! Environment variables: `TASKWARD__SECTION__KEY` for every key, and short names for a few.

use crate::nearest::nearest;
use crate::origin::Origin;
use crate::problem::{Place, Problem, ProblemId, Problems};
use crate::schema::{self, Key};
use crate::sources::Sources;
use crate::value::{Raw, Setting, Settings};

const PREFIX: &str = "TASKWARD__";

/// The settings of the environment.
pub(crate) fn read(sources: &Sources, problems: &mut Problems) -> Settings {
    report_unknown(sources, problems);
    schema::keys().filter_map(|key| Some((key.path, setting(sources, key, problems)?))).collect()
}

/// The strongest variable of a key that is set.
fn setting(sources: &Sources, key: &Key, problems: &mut Problems) -> Option<Setting> {
    let (variable, text) =
        key.variables().into_iter().find_map(|name| sources.text(&name).map(|text| (name, text)))?;
    if let Some(text) = text {
        return Some(Setting { raw: Raw::Text(text.to_owned()), origin: Origin::Env { variable } });
    }
    let fix = format!("unset {variable}   # then set it again, in UTF-8");
    problems.push(
        Problem::new(ProblemId::InvalidValue, Place::Variable { variable }, "the value is not UTF-8 text")
            .key(key)
            .expected(key.kind.expected())
            .fix(fix),
    );
    None
}

fn report_unknown(sources: &Sources, problems: &mut Problems) {
    let known: Vec<_> = schema::keys().map(Key::long_variable).collect();
    for name in sources.env.keys().filter(|name| name.starts_with(PREFIX) && !known.contains(name)) {
        let variable: String = name.chars().take(100).filter(|c| !c.is_control()).collect();
        let near =
            nearest(name, known.iter().map(String::as_str)).map(str::to_owned).or_else(|| by_last_part(name));
        let fix = format!("unset {variable}");
        let what = format!("no key belongs to the variable {variable}");
        let problem = Problem::new(ProblemId::UnknownVariable, Place::Variable { variable }, what).fix(fix);
        problems.push(match near {
            Some(near) => problem.nearest(near),
            None => problem.expected(format!("{PREFIX}SECTION__KEY; `taskward config show` lists all keys")),
        });
    }
}

/// The right key in the wrong section: `TASKWARD__SERVER__LEVEL`.
fn by_last_part(name: &str) -> Option<String> {
    let last = name.rsplit("__").next()?.to_ascii_lowercase();
    schema::keys().find(|key| key.name() == last).map(Key::long_variable)
}
