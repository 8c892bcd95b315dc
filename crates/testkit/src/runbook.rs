//! Documents as tests: the fenced blocks of a document are run, in order, in one shell.
//!
//! Two kinds of blocks are run. A `sh` block is to be pasted: it says no output, and each of its commands must
//! exit with 0. A `console` block is a terminal as it looks afterwards:
//!
//! ````text
//! ```console
//! $ taskward task get ID
//! error[not_found]: …
//! …
//! # exit 6
//! ```
//! ````
//!
//! A line that begins with `$ ` is a command, and goes on after a `\`. What follows is what it prints, on either
//! output: `…` in a line stands for anything in that line, a line that is only `…` for any lines, none included. `# exit N` is how
//! it ends, where that is not 0. In a `sh` block it stands at the end of the command's line.
//!
//! A command that cannot be run where tests run is a [`Skip`] with its reason, which is in the [`Report`]. Nothing else is
//! left out, and a skip that skips nothing is an error: what the document says has been run, or the list says why not.
//! Where sections want different environments, each run is [`without`] those of the others.

use std::fmt;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// What stands for anything.
const ANYTHING: char = '…';

/// Comes before the number of each exit code in what a session prints.
const MARK: char = '\u{1e}';

/// How long a document may run; then its shell is killed.
const PATIENCE: Duration = Duration::from_secs(240);

/// A command of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The number of its line in the document, from 1.
    pub line: usize,
    /// What is typed.
    pub command: String,
    /// What it prints, line by line; `None` where the document does not say.
    pub output: Option<Vec<String>>,
    /// How it ends.
    pub exit: i32,
}

/// A command that a test does not run.
#[derive(Debug, Clone, Copy)]
pub struct Skip {
    /// How the command begins.
    pub command: &'static str,
    /// Why it is not run.
    pub reason: &'static str,
}

/// Reads the commands of a document's blocks.
///
/// # Panics
/// When a block is not one that can be read as described above.
pub fn steps(document: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut language: Option<String> = None;
    for (number, line) in (1..).zip(document.lines()) {
        match (line.trim_start().strip_prefix("```"), &language) {
            (Some(_), Some(_)) => language = None,
            (Some(name), None) => language = Some(name.to_owned()),
            (None, Some(language)) if language == "console" => console_line(&mut steps, number, line),
            (None, Some(language)) if language == "sh" => shell_line(&mut steps, number, line),
            _ => {}
        }
    }
    steps
}

fn console_line(steps: &mut Vec<Step>, number: usize, line: &str) {
    if let Some(command) = line.strip_prefix("$ ") {
        let (command, output) = (command.to_owned(), Some(Vec::new()));
        steps.push(Step { line: number, command, output, exit: 0 });
        return;
    }
    let step = steps.last_mut().unwrap_or_else(|| panic!("line {number}: output before a command"));
    let output = step.output.as_mut().unwrap_or_else(|| panic!("line {number}: output before a command"));
    if output.is_empty() && step.command.ends_with('\\') {
        step.command.push('\n');
        step.command.push_str(line);
    } else if let Some(exit) = exit_code(line) {
        step.exit = exit;
    } else {
        output.push(line.trim_end().to_owned());
    }
}

fn shell_line(steps: &mut Vec<Step>, number: usize, line: &str) {
    let goes_on = |step: &Step| step.output.is_none() && step.command.ends_with('\\');
    match steps.last_mut() {
        Some(step) if goes_on(step) => {
            step.command.push('\n');
            step.command.push_str(line);
        }
        _ if line.trim().is_empty() || line.trim_start().starts_with('#') => {}
        _ => {
            let exit = line.rfind("# exit ").and_then(|at| exit_code(&line[at..])).unwrap_or(0);
            steps.push(Step { line: number, command: line.to_owned(), output: None, exit });
        }
    }
}

/// A document without some of its sections, which another run has in its environment: their lines, and those of the
/// sections within them, are empty, so that the others keep their numbers.
///
/// # Panics
/// When there is no section with such a heading.
pub fn without(document: &str, headings: &[&str]) -> String {
    let (mut kept, mut found, mut is_code) = (String::new(), 0, false);
    let mut left_out: Option<usize> = None;
    for line in document.lines() {
        is_code ^= line.trim_start().starts_with("```");
        if let Some((depth, heading)) = heading(line).filter(|_| !is_code) {
            if headings.contains(&heading) {
                found += 1;
                left_out = Some(left_out.map_or(depth, |outer| outer.min(depth)));
            } else if left_out.is_some_and(|outer| depth <= outer) {
                left_out = None;
            }
        }
        kept.push_str(if left_out.is_some() { "" } else { line });
        kept.push('\n');
    }
    assert_eq!(found, headings.len(), "not all of {headings:?} are headings, each of one section");
    kept
}

/// How deep a heading is, and its text.
fn heading(line: &str) -> Option<(usize, &str)> {
    let text = line.trim_start_matches('#');
    let depth = line.len() - text.len();
    (depth > 0).then_some((depth, text.strip_prefix(' ')?))
}

fn exit_code(line: &str) -> Option<i32> {
    line.strip_prefix("# exit ")?.trim().parse().ok()
}

/// Whether `lines` are what `expected` says.
pub fn matches(expected: &[String], lines: &[&str]) -> bool {
    let Some((first, rest)) = expected.split_first() else { return lines.is_empty() };
    if first.trim() == ANYTHING.to_string() {
        return (0..=lines.len()).any(|skipped| matches(rest, &lines[skipped..]));
    }
    match lines.split_first() {
        Some((line, others)) => matches_line(first, line.trim_end()) && matches(rest, others),
        None => false,
    }
}

fn matches_line(expected: &str, line: &str) -> bool {
    let Some((before, after)) = expected.split_once(ANYTHING) else { return expected == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    let mut starts = (0..=rest.len()).filter(|at| rest.is_char_boundary(*at));
    starts.any(|at| matches_line(after, &rest[at..]))
}

/// What became of a document. It prints as a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    name: String,
    /// How many commands were run.
    pub run: usize,
    /// The commands that were not run, each with its line and the reason.
    pub not_run: Vec<(usize, String, &'static str)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} commands were run as it says", self.name, self.run)?;
        self.not_run.iter().try_for_each(|(line, command, reason)| {
            write!(f, "\n{}:{line}: NOT RUN, {reason}: {command}", self.name)
        })
    }
}

/// Runs the blocks of a document in one `bash`, which `prepare` tells where it is and what its environment is, and
/// compares.
///
/// # Panics
/// When something is not as the document says, with all that differs.
#[must_use = "what was not run is to be printed"]
pub fn run(name: &str, document: &str, skips: &[Skip], prepare: impl FnOnce(&mut Command)) -> Report {
    let steps = steps(document);
    assert!(!steps.is_empty(), "{name}: there is nothing to run");
    let skip_of = |step: &Step| skips.iter().find(|skip| step.command.starts_with(skip.command));
    for skip in skips {
        let used = steps.iter().any(|step| step.command.starts_with(skip.command));
        assert!(used, "{name}: nothing begins with {:?}, which was to be skipped", skip.command);
    }
    let (skipped, wanted): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(|step| skip_of(step).is_some());
    let printed = session(&wanted, prepare);
    let differences: Vec<String> = wanted
        .iter()
        .zip(printed.iter().map(Some).chain(std::iter::repeat(None)))
        .filter_map(|(step, ended)| difference(step, ended))
        .map(|difference| format!("{name}:{difference}"))
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
    let reason = |step: &Step| skip_of(step).map(|skip| skip.reason).unwrap_or_default();
    let not_run = skipped.into_iter().map(|step| (step.line, step.command.clone(), reason(step))).collect();
    Report { name: name.to_owned(), run: wanted.len(), not_run }
}

/// How a command ended: what it printed, and its exit code.
type Ended = (String, i32);

fn difference(step: &Step, ended: Option<&Ended>) -> Option<String> {
    let Step { line, command, output, exit } = step;
    let Some((printed, code)) = ended else {
        return Some(format!("{line}: $ {command}\n  was not reached: the shell has ended before"));
    };
    let lines: Vec<&str> = printed.lines().collect();
    let as_said = output.as_ref().is_none_or(|expected| matches(expected, &lines));
    if as_said && code == exit {
        return None;
    }
    let expected = output.as_ref().map_or_else(|| ANYTHING.to_string(), |output| output.join("\n"));
    Some(format!(
        "{line}: $ {command}\n--- the document says (exit {exit})\n{expected}\n--- it was (exit {code})\n{printed}"
    ))
}

/// One shell for all commands, as for somebody who types them: variables and directories last.
fn session(steps: &[&Step], prepare: impl FnOnce(&mut Command)) -> Vec<Ended> {
    let mut script = String::from("exec 2>&1\n");
    for step in steps {
        // The trailing comment of a line must not swallow the mark. What reads stdin must not read the script.
        script.push_str(&format!("{}\nprintf '\\n{MARK}%s{MARK}' \"$?\"\n", step.command));
    }
    let mut file = tempfile::NamedTempFile::new().expect("a file for the commands");
    file.write_all(script.as_bytes()).expect("the commands are written");
    let mut shell = Command::new("timeout");
    shell.arg(PATIENCE.as_secs().to_string()).arg("bash").arg(file.path());
    shell.stdin(Stdio::null()).stdout(Stdio::piped());
    prepare(&mut shell);
    let output = shell.output().expect("bash runs");
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    let parts: Vec<&str> = printed.split(MARK).collect();
    let ended = parts.chunks_exact(2).map(|part| {
        let code = part[1].parse().expect("an exit code");
        (part[0].strip_suffix('\n').unwrap_or(part[0]).to_owned(), code)
    });
    ended.collect()
}

/// Puts a program into a directory for `PATH`: a shell script.
///
/// # Panics
/// When it cannot be written.
pub fn script(path: &Path, text: &str) {
    use std::os::unix::fs::OpenOptionsExt;

    let options = std::fs::OpenOptions::new().create(true).truncate(true).write(true).mode(0o755).clone();
    let mut file = options.open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    file.write_all(text.as_bytes()).expect("the script is written");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn blocks_are_read() {
        let document = "# T\n\n```console\n$ a \\\n    b\nx…\n# exit 3\n$ c\n```\n\n```json\n{}\n```\n\n\
                        ```sh\n# a comment\nd   # exit 4\ne 'f'\n```\n";
        let step = |line, command: &str, output: Option<&[&str]>, exit| Step {
            line,
            command: command.to_owned(),
            output: output.map(said),
            exit,
        };
        assert_eq!(
            steps(document),
            [
                step(4, "a \\\n    b", Some(&["x…"]), 3),
                step(8, "c", Some(&[]), 0),
                step(17, "d   # exit 4", None, 4),
                step(18, "e 'f'", None, 0),
            ]
        );
    }

    #[test]
    fn wildcards_stand_for_parts_of_lines_and_for_lines() {
        for (expected, lines, so) in [
            (&["a…c"][..], &["abc"][..], true),
            (&["a…c"], &["ab"], false),
            (&["…", "z"], &["x", "y", "z"], true),
            (&["…"], &[], true),
            (&["a", "…", "b", "…"], &["a", "b"], true),
            (&["a", "…", "b"], &["a", "c"], false),
            (&["…ü…"], &["übung"], true),
            (&[], &["a"], false),
            (&["a"], &[], false),
        ] {
            assert_eq!(matches(&said(expected), lines), so, "{expected:?} {lines:?}");
        }
    }

    #[test]
    fn commands_share_a_shell_and_differences_are_named() {
        let good = "```console\n$ x=1\n$ echo $x; echo two >&2\n1\ntwo\n$ sh -c 'exit 3'\n# exit 3\n```\n";
        assert_eq!(run("good.md", good, &[], |_| ()).run, 3);
        let bad = "```console\n$ echo one\ntwo\n```\n```sh\nfalse\n```\n";
        let failed = std::panic::catch_unwind(|| run("bad.md", bad, &[], |_| ()));
        let message = *failed.expect_err("it differs").downcast::<String>().expect("a message");
        assert!(
            message.contains("bad.md:2: $ echo one") && message.contains("bad.md:6: $ false"),
            "{message}"
        );
    }

    #[test]
    fn sections_can_be_left_to_another_run() {
        let document = "# T\n## A\n```sh\n# not a heading\na\n```\n### A1\na1\n## B\nb\n";
        assert_eq!(without(document, &["A"]), "# T\n\n\n\n\n\n\n\n## B\nb\n");
        assert_eq!(without(document, &["A1", "B"]), "# T\n## A\n```sh\n# not a heading\na\n```\n\n\n\n\n");
        assert!(std::panic::catch_unwind(|| without(document, &["C"])).is_err());
    }

    #[test]
    fn what_is_skipped_is_there() {
        let document = "```sh\njournalctl -u x\ntrue\n```\n";
        let skips = [Skip { command: "journalctl", reason: "needs systemd" }];
        let report = run("skips.md", document, &skips, |_| ());
        assert_eq!(
            (report.run, &report.not_run[..]),
            (1, &[(2, "journalctl -u x".to_owned(), "needs systemd")][..])
        );
        let stale = [Skip { command: "nothing", reason: "gone" }];
        assert!(std::panic::catch_unwind(|| run("skips.md", document, &stale, |_| ())).is_err());
    }
}
