//! The documents say what the program does: the names in them exist, their examples run.

#[path = "cli/support/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the tests of the command line use the rest of it")]
mod support;

mod runbook;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::Value;
use support::{Run, Server, run, taskward};
use taskward_api::ProblemCode;
use taskward_config::schema;

const CONTRACT: &str = "docs/CONTRACT.md";
const ERRORS: &str = "docs/errors";
/// What stands for a task's id in the documents is this one when a command is parsed.
const SOME_ID: &str = "0199c3d2-5a6b-7c8d-9e0f-a1b2c3d4e5f6";

// What is documented.

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The files of a directory with this ending, as paths from the repository's root.
fn files(directory: &str, ending: &str) -> Vec<String> {
    let entries = fs::read_dir(repository(directory)).unwrap_or_else(|error| panic!("{directory}: {error}"));
    let names = entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"));
    names.filter(|name| name.ends_with(ending)).map(|name| format!("{directory}/{name}")).collect()
}

/// The documents for users, each with its text.
fn documents() -> Vec<(String, String)> {
    let mut paths = vec!["README.md".to_owned()];
    paths.extend(files("docs", ".md"));
    paths.extend(files("docs/runbook", ".md"));
    paths.extend(files(ERRORS, ".md"));
    paths.into_iter().map(|path| (path.clone(), read(&path))).collect()
}

/// A fenced block, and the text between it and the next one.
struct Block {
    language: String,
    text: String,
    after: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        match (line.strip_prefix("```"), blocks.last_mut()) {
            (Some(_), _) if inside => inside = false,
            (Some(language), _) => {
                inside = true;
                let (text, after) = (String::new(), String::new());
                blocks.push(Block { language: language.to_owned(), text, after });
            }
            (None, Some(block)) => {
                let part = if inside { &mut block.text } else { &mut block.after };
                part.push_str(line);
                part.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// What stands between single backticks, outside of blocks. It may go on over a line's end.
fn inline_code(document: &str) -> Vec<String> {
    let mut inside = false;
    let prose = document.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    let prose = prose.collect::<Vec<_>>().join("\n");
    prose.split('`').skip(1).step_by(2).map(|code| code.replace('\n', " ")).collect()
}

// Error codes.

/// The codes in the sources of the command line: a text of small letters after an exit code, or `usage(`.
fn command_line_codes(directory: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("the sources") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            command_line_codes(&path, codes);
            continue;
        }
        let source = fs::read_to_string(&path).expect("UTF-8");
        let source = source.split("#[cfg(test)]").next().unwrap_or_default();
        for (at, _) in source.match_indices('"') {
            let text = source[at + 1..].split('"').next().unwrap_or_default();
            let is_code = !text.is_empty() && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            if is_code && introduces_a_code(source[..at].trim_end()) {
                codes.insert(text.to_owned());
            }
        }
    }
}

fn introduces_a_code(before: &str) -> bool {
    let Some(before) = before.strip_suffix(',') else { return before.ends_with("usage(") };
    let word = before.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != ':').next().unwrap_or_default();
    word == "exit" || word.starts_with("Exit::")
}

#[test]
fn every_error_code_has_a_page_and_every_page_a_code() {
    let mut codes: BTreeSet<String> = ProblemCode::ALL.iter().map(|code| code.as_str().to_owned()).collect();
    command_line_codes(&repository("crates/cli/src"), &mut codes);
    // Nobody is left to read it.
    codes.remove("reader_gone");
    let stem = |path: &String| Path::new(path).file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut pages: BTreeSet<String> = files(ERRORS, ".md").iter().filter_map(stem).collect();
    assert!(pages.remove("README"));
    assert_eq!(codes, pages, "left: the codes there are; right: the pages");

    let index = read(&format!("{ERRORS}/README.md"));
    for code in &codes {
        let page = read(&format!("{ERRORS}/{code}.md"));
        assert!(page.starts_with(&format!("# `{code}`\n")), "{code}: another title");
        assert!(page.contains("\n## Check\n") && page.contains("\n## Fix\n"), "{code}: no check, or no fix");
        assert!(index.contains(&format!("[`{code}`]({code}.md)")), "{code} is not in the index");
    }
}

#[test]
fn statuses_and_exit_codes_are_those_of_the_program() {
    let contract = read(CONTRACT);
    for code in ProblemCode::ALL {
        let (name, status) = (format!("`{code}`"), code.status());
        let row = format!("| {status} |");
        let listed = contract.lines().any(|line| line.starts_with(&row) && line.contains(&name));
        assert!(listed, "{code} is not in the table with {status}");
        let page = read(&format!("{ERRORS}/{code}.md"));
        assert!(page.contains(&format!("HTTP {status}")), "{code}: the page has another status");
    }
    let exits = read("crates/cli/src/exit.rs");
    let numbers = exits.lines().filter_map(|line| line.trim().strip_suffix(',')?.split_once(" = "));
    let numbers: Vec<_> = numbers.map(|(_, number)| number.to_owned()).collect();
    assert_eq!(numbers.len(), 13);
    for number in numbers {
        assert!(contract.contains(&format!("\n| {number} | ")), "exit code {number} is not in the table");
    }
}

// Names.

#[test]
fn the_contract_has_every_call_and_every_field() {
    let contract = read(CONTRACT);
    let document = taskward_server::http::openapi().to_json().expect("OpenAPI");
    let document: Value = serde_json::from_str(&document).expect("JSON");
    let object = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let mut seen = 0;
    for (path, methods) in object(&document["paths"]) {
        for method in object(&methods).keys() {
            let call = format!("[`{} {path}`]", method.to_uppercase());
            assert!(contract.contains(&call), "{call} is not in the table of calls");
            seen += 1;
        }
    }
    let listed =
        ["GET", "POST", "DELETE", "PUT"].map(|method| contract.matches(&format!("| [`{method} ")).count());
    assert_eq!(listed.iter().sum::<usize>(), seen);
    for (schema, description) in object(&document["components"]["schemas"]) {
        for field in object(&description["properties"]).keys() {
            let said = contract.contains(&format!("`{field}`")) || contract.contains(&format!("\"{field}\""));
            assert!(said, "{schema}.{field} is not in the contract");
        }
    }
}

/// All sources, to look names up in.
fn sources(directory: &Path, text: &mut String) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            text.push_str(&fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}

fn is_variable(word: &str) -> bool {
    word.contains('_')
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// Everything in code: the words of blocks for a shell, and what stands between backticks.
fn words(document: &str) -> Vec<String> {
    let shell = blocks(document).into_iter().filter(|block| is_shell(&block.language));
    let code = shell.map(|block| block.text).chain(inline_code(document));
    let separator = |c: char| !(c.is_ascii_alphanumeric() || "_.-/".contains(c));
    code.flat_map(|code| code.split(separator).map(ToOwned::to_owned).collect::<Vec<_>>()).collect()
}

fn is_shell(language: &str) -> bool {
    ["", "sh"].contains(&language)
}

#[test]
fn settings_variables_and_files_exist() {
    let mut code = String::new();
    for directory in ["config", "cli", "server", "ops", "client", "store"] {
        sources(&repository(&format!("crates/{directory}/src")), &mut code);
    }
    let settings: BTreeSet<_> = schema::keys().map(|key| key.path.to_owned()).collect();
    let sections: BTreeSet<_> = schema::SECTIONS.iter().map(|section| section.name).collect();
    let mut variables: BTreeSet<_> = schema::keys().flat_map(schema::Key::variables).collect();
    variables.extend(schema::keys().filter_map(schema::Key::secret_file_variable));
    // Stands for any of them; provided by systemd for its own units.
    variables.extend(["TASKWARD__SECTION__KEY", "CAP_NET_BIND_SERVICE"].map(ToOwned::to_owned));
    for (path, text) in documents() {
        for word in words(&text) {
            let word = word.trim_end_matches(['.', '/']);
            if is_variable(word) {
                let known = variables.contains(word) || code.contains(&format!("\"{word}\""));
                assert!(known, "{path}: nothing reads the variable {word}");
            }
            let is_file =
                ["yaml", "yml", "md", "db", "sh", "rs"].iter().any(|end| word.ends_with(&format!(".{end}")));
            if let Some((section, name)) = word.split_once('.')
                && sections.contains(section)
                && !is_file
                && name.chars().all(|c| c.is_ascii_lowercase() || c == '_')
            {
                assert!(settings.contains(word), "{path}: there is no setting {word}");
            }
            if ["crates/", "config/", "deploy/", "docs/", "scripts/"]
                .iter()
                .any(|folder| word.starts_with(folder))
            {
                assert!(repository(word).exists(), "{path}: there is no {word}");
            }
        }
    }
}

/// The name that a heading is linked by.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn links_lead_somewhere() {
    for (path, text) in documents() {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(link, _)| link) {
            let (file, heading) = link.split_once('#').map_or((link, None), |(file, h)| (file, Some(h)));
            if file.contains("://") {
                continue;
            }
            let target = match file {
                "" => repository(&path),
                file => repository(&path).parent().expect("a directory").join(file),
            };
            assert!(target.exists(), "{path}: there is no {link}");
            let Some(heading) = heading else { continue };
            let target = fs::read_to_string(target).expect("a document");
            let mut headings = target.lines().filter_map(|line| line.strip_prefix('#'));
            let found = headings.any(|line| anchor(line.trim_start_matches('#')) == heading);
            assert!(found, "{path}: there is no heading for {link}");
        }
    }
}

// Metrics.

const METRICS: &str = "docs/metrics.md";
/// What follows it is made from the code.
const MADE: &str = "<!-- made from the code from here on: UPDATE_DOCS=1 cargo nextest run -p taskward --test docs metrics -->\n";

#[test]
fn the_metrics_reference_is_what_the_code_says() {
    let document = read(METRICS);
    let (by_hand, made) = document.split_once(MADE).unwrap_or_else(|| panic!("{METRICS} has no line {MADE}"));
    let expected = taskward_server::telemetry::metrics::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(repository(METRICS), format!("{by_hand}{MADE}{expected}")).expect("written");
        return;
    }
    assert_eq!(made, expected, "{METRICS} is not what the code says");
}

// Command lines.

/// The words of the commands in shell text. Enough of a shell for what documents have.
fn commands(script: &str) -> Vec<Vec<String>> {
    let (mut commands, mut words, mut word) = (Vec::new(), Vec::new(), String::new());
    let (mut quote, mut comment) = (None, false);
    let script = script.replace("\\\n", " ");
    for c in script.chars().chain(['\n']) {
        match (quote, c) {
            _ if comment && c != '\n' => {}
            (Some(open), c) if c == open => quote = None,
            (Some(_), c) => word.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if word.is_empty() => comment = true,
            (None, c) if c.is_whitespace() || "|;&()<>".contains(c) => {
                comment = false;
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                if c == '\n' || !c.is_whitespace() {
                    commands.push(std::mem::take(&mut words));
                }
            }
            (None, c) => word.push(c),
        }
    }
    commands
}

/// The arguments of each `taskward` in shell text, without variables set for it.
fn taskward_commands(script: &str) -> Vec<Vec<String>> {
    let without_variables = |words: Vec<String>| -> Vec<String> {
        let is_set = |word: &String| {
            word.split_once('=')
                .is_some_and(|(name, _)| name.chars().all(char::is_uppercase) || is_variable(name))
        };
        words.into_iter().skip_while(is_set).collect()
    };
    let commands = commands(script).into_iter().map(without_variables);
    commands
        .filter(|words| words.first().is_some_and(|word| word == "taskward"))
        .map(|mut words| words.split_off(1))
        .collect()
}

#[test]
fn every_command_shown_is_one() {
    let mut shown = BTreeSet::new();
    for (path, text) in documents() {
        let scripts =
            blocks(&text).into_iter().filter(|block| is_shell(&block.language)).map(|block| block.text);
        let typed = taskward_testkit::runbook::steps(&text).into_iter().map(|step| step.command);
        let scripts: Vec<_> = scripts.chain(inline_code(&text)).chain(typed).collect();
        shown.extend(
            scripts.iter().flat_map(|script| taskward_commands(script)).map(|words| (words, path.clone())),
        );
    }
    let only_commands: BTreeSet<_> = shown.iter().map(|(words, _)| words).collect();
    assert!(only_commands.len() > 50, "only {} commands were found", only_commands.len());
    let mut checked = BTreeSet::new();
    for (words, path) in &shown {
        if !checked.insert(words) {
            continue;
        }
        let mut arguments: Vec<_> =
            words.iter().filter(|word| *word != "…").map(|word| placeholder(word)).collect();
        // Everything before it is parsed, values included; what is missing is not asked for.
        let help = arguments.iter().position(|word| *word == "--").unwrap_or(arguments.len());
        arguments.insert(help, "--help");
        let parsed = run(taskward().args(&arguments));
        assert_eq!(parsed.code, Some(0), "{path}: taskward {}\n{}", words.join(" "), parsed.stderr);
    }
}

fn placeholder(word: &str) -> &str {
    match word {
        "ID" | "$ID" => SOME_ID,
        "VERSION" => "1",
        "$MOMENT" => "2026-12-31T23:59:00Z",
        word => word,
    }
}

/// A command and all below it, each with its help.
fn helps(path: &[String]) -> Vec<(Vec<String>, String)> {
    let help = run(taskward().args(path).arg("--help")).exits(0).stdout;
    let below =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is indented further goes on with the line before it.
    let named = below.filter(|line| !line.starts_with("   "));
    let names = named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    let of_those: Vec<_> = names.flat_map(|command| helps(&[path, &[command.to_owned()]].concat())).collect();
    std::iter::once((path.to_owned(), help)).chain(of_those).collect()
}

#[test]
fn the_contract_lists_every_command() {
    let contract = read(CONTRACT);
    let listed = contract.lines().filter_map(|line| line.strip_prefix("| `taskward ")?.split('`').next());
    let listed: Vec<String> = listed.map(|command| format!("{command} ")).collect();
    let programs: Vec<_> =
        helps(&[]).into_iter().filter(|(_, help)| !help.contains("\nCommands:\n")).collect();
    assert!(programs.len() > 50, "only {} commands were found", programs.len());
    let missing: Vec<_> = programs
        .iter()
        .map(|(path, _)| format!("{} ", path.join(" ")))
        .filter(|path| !listed.iter().any(|command| command.starts_with(path)))
        .collect();
    assert!(missing.is_empty(), "{CONTRACT} has no line for {missing:?}");
}

#[test]
fn every_flag_named_is_one() {
    let help: String = helps(&[]).into_iter().map(|(_, help)| help).collect();
    let flags: BTreeSet<_> = help.split(|c: char| c.is_whitespace() || ",[]".contains(c)).collect();
    for (path, text) in documents() {
        for code in inline_code(&text).iter().filter(|code| code.starts_with("--")) {
            let flag = code.split([' ', '=']).next().unwrap_or_default();
            assert!(flags.contains(flag) || flag == "--", "{path}: no command takes {flag}");
        }
    }
}

// Examples.

/// A command that reaches a service, and whose `curl` says each status on stderr, as a line `HTTP 200`.
fn shell(server: &Server, program: &str) -> Command {
    let path = std::env::var_os("PATH").expect("PATH");
    let curl =
        std::env::split_paths(&path).map(|directory| directory.join("curl")).find(|curl| curl.exists());
    let curl = curl.expect("these tests need curl");
    let bin = server.path("bin");
    if !bin.exists() {
        fs::create_dir(&bin).expect("a directory");
        let script =
            format!("#!/bin/sh\nexec {} -w '%{{stderr}}\\nHTTP %{{http_code}}\\n' \"$@\"\n", curl.display());
        fs::write(bin.join("curl"), script).expect("written");
        let status = Command::new("chmod").args(["+x".as_ref(), bin.join("curl").as_os_str()]).status();
        assert!(status.expect("chmod").success());
    }
    let built = Path::new(env!("CARGO_BIN_EXE_taskward")).parent().expect("a directory").to_owned();
    let path = std::env::join_paths([bin, built].into_iter().chain(std::env::split_paths(&path)));
    let mut command = Command::new(program);
    command.env_clear().env("PATH", path.expect("a PATH")).env("TASKWARD_URL", server.url());
    command.current_dir(server.path(""));
    command
}

fn statuses(stderr: &str) -> Vec<u16> {
    stderr.lines().filter_map(|line| line.strip_prefix("HTTP ")?.parse().ok()).collect()
}

/// A script that must succeed.
fn script(server: &Server, text: &str) -> Run {
    run(shell(server, "bash").args(["-euo", "pipefail", "-c", text])).exits(0)
}

#[test]
fn the_contracts_examples_get_the_statuses_it_says() {
    const MARK: &str = "--- block";
    let server = Server::start();
    let contract = blocks(&read(CONTRACT));
    let examples: Vec<_> = contract.iter().filter(|block| block.language == "sh").collect();
    // One shell, as for somebody who pastes them from top to bottom.
    let session: String =
        examples.iter().map(|example| format!("echo '\n{MARK}' >&2\n{}", example.text)).collect();
    let stderr = script(&server, &session).stderr;
    let answers: Vec<_> = stderr.split(MARK).skip(1).map(statuses).collect();
    assert_eq!(answers.len(), examples.len());
    let mut checked = 0;
    for (example, answers) in examples.iter().zip(answers) {
        if !example.text.contains("curl") {
            continue;
        }
        let said = example.after.split_once("Answers **").map(|(_, rest)| &rest[..3]);
        let said: u16 = said
            .and_then(|status| status.parse().ok())
            .unwrap_or_else(|| panic!("no status for\n{}", example.text));
        assert_eq!(answers.last(), Some(&said), "{answers:?}\n{}", example.text);
        checked += 1;
    }
    assert!(checked > 20, "only {checked} examples were found");
}

#[test]
fn the_contracts_idempotent_creations_make_one_task() {
    let server = Server::start();
    let contract = blocks(&read(CONTRACT));
    let example =
        contract.iter().find(|block| block.text.contains("Idempotency-Key: ")).expect("the example");
    let ended = script(&server, &format!("URL={}\n{}", server.url(), example.text));
    assert_eq!(statuses(&ended.stderr), [201, 201]);
    let ids: BTreeSet<_> = ended.stdout.lines().collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
}

/// A worker that ends with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_contracts_python_worker_works() {
    let server = Server::start();
    let contract = blocks(&read(CONTRACT));
    let program = contract.iter().find(|block| block.language == "python").expect("the worker");
    fs::write(server.path("worker.py"), &program.text).expect("written");
    let started = shell(&server, "python3").arg("worker.py").spawn();
    let _worker = Worker(started.expect("this test needs python3"));

    let wait = ["--wait", "30s", "-o", "json"];
    let good = ["enqueue", "greet", "--payload", r#"{"name": "Ada"}"#].into_iter().chain(wait);
    assert_eq!(server.cli(good).exits(0).json()["result"], "hello, Ada");
    let bad = ["enqueue", "greet", "--payload", "7", "--max-attempts", "1"].into_iter().chain(wait);
    let task = server.cli(bad).exits(1).json()["task"].take();
    assert_eq!((&task["state"], &task["errors"][0]["type"]), (&"dead".into(), &"TypeError".into()));
}

#[test]
fn the_quick_start_works() {
    let server = Server::start();
    let readme = blocks(&read("README.md"));
    let quick_start =
        readme.iter().find(|block| block.text.contains("taskward enqueue greet")).expect("the commands");
    script(&server, &quick_start.text);
    let task = server.json(["task", "list"])["tasks"][0].take();
    assert_eq!(task["state"], "completed");
    assert_eq!(task["result"], r#"hello, {"name": "Ada"}"#);

    let with_curl = readme.iter().find(|block| block.text.contains("/complete")).expect("the calls");
    let with_curl = with_curl.text.replace("http://127.0.0.1:8000", &server.url());
    let calls: Vec<_> = with_curl.split("\n\n").collect();
    let [create, claim, complete] = calls[..] else { panic!("three calls, not {calls:#?}") };
    assert_eq!(statuses(&script(&server, create).stderr), [201]);
    let claimed = script(&server, claim);
    assert_eq!(statuses(&claimed.stderr), [200]);
    let task = claimed.json()["tasks"][0].take();
    let (id, token) = (task["id"].as_str().expect("an id"), task["lease_token"].as_str().expect("a token"));
    let complete = complete.replace("/ID/", &format!("/{id}/")).replace("TOKEN", token);
    assert_eq!(statuses(&script(&server, &complete).stderr), [200]);
    assert_eq!(server.task(id)["state"], "completed");
}
