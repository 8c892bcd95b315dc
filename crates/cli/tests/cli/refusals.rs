//! What a database refuses is told without what was in it.

use taskward_testkit::postgres::TempPostgres;

use crate::support::Server;

#[test]
fn what_the_database_refuses_is_in_no_answer_and_no_log() {
    let database = TempPostgres::start_without_fsync();
    let url = database.create_database();
    let mut server = Server::start_with(&[("DATABASE_URL", &url), ("LOG_LEVEL", "DEBUG")]);
    let name = url.rsplit('/').next().expect("a name");
    // PostgreSQL's own words for it: "Failing row contains (…)".
    database.execute(name, "ALTER TABLE tasks ADD CONSTRAINT refused CHECK (kind <> 'k')");
    let one = server.cli(["enqueue", "k", "--payload", "\"planted-payload\"", "-o", "json"]);
    assert_eq!(one.json()["error"]["code"], "internal", "{one:?}");
    server.stop();
    let log = std::fs::read_to_string(server.path("serve.log")).expect("the log");
    assert!(log.contains("SQLSTATE 23514"), "{log}");
    assert!(!format!("{log}{one:?}").contains("planted"), "{log}{one:?}");
}
