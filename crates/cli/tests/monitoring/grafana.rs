//! The dashboard for Grafana, as far as it can be wrong without anybody noticing: a question that has no answer.

use serde_json::Value;

use crate::files::deploy;
use crate::support::until;
use crate::world::World;

/// What Grafana puts in for its variables, with the test's scrape interval of a second.
const VARIABLES: [(&str, &str); 4] =
    [("$__rate_interval", "10s"), ("$job", ".*"), ("$instance", ".*"), ("$queue", ".*")];

#[test]
fn every_question_of_the_dashboard_has_an_answer() {
    let directory = tempfile::tempdir().expect("a directory");
    let world = World::start(&format!("sqlite:{}", directory.path().join("taskward.db").display()));
    world.make_everything_happen();
    // One that is tried again, and one that succeeds.
    world.server.enqueue(&["--max-attempts", "2"]);
    world.server.work("exit 1");
    world.server.enqueue(&[]);
    world.server.work("true");
    let questions = questions();
    assert!(questions.len() > 40, "only {}", questions.len());
    for (panel, question) in questions {
        assert!(!question.contains('$'), "{panel}: a variable is left in {question}");
        until(&format!("{panel}: {question}"), || {
            world.server.cli(["queue", "list"]).exits(0);
            !world.query(&question).is_empty()
        });
    }
}

/// Panels by their titles, and what they ask.
fn questions() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(deploy("grafana/dashboards/taskward.json")).expect("the dashboard");
    let dashboard: Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut questions = Vec::new();
    for panel in panels {
        for target in panel["targets"].as_array().into_iter().flatten() {
            let asked = target["expr"].as_str().expect("a question").to_owned();
            let asked = VARIABLES.iter().fold(asked, |asked, (name, value)| asked.replace(name, value));
            questions.push((panel["title"].to_string(), asked));
        }
    }
    questions
}
