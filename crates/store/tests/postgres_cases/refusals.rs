//! What PostgreSQL refuses is not repeated: its words hold rows and values, and errors end up in logs.

use std::error::Error;
use std::fmt::Write;

use taskward_core::NewTask;
use taskward_store::{EnqueueMode, StoreError, TaskStore};

use crate::PostgresDatabase;
use crate::conformance::build::{json, task};

/// Ways in which a database says no, each with its state.
const REFUSALS: [(&str, &str); 3] = [
    // The detail says which row: "Failing row contains (…)".
    ("ALTER TABLE tasks ADD CONSTRAINT refused CHECK (kind <> 'work')", "23514"),
    // A message that quotes the value: "invalid input syntax for type bigint: …".
    ("PERFORM NEW.payload::text::bigint;", "22P02"),
    // A message of somebody's own trigger.
    ("RAISE EXCEPTION 'no room for %', NEW.payload::text;", "P0001"),
];

/// Everything that a log or a message could make of an error.
fn all_of(error: &StoreError) -> String {
    let mut text = format!("{error:?}");
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        let _ = write!(text, "\n{error}\n{error:?}\n{error:#?}");
        cause = error.source();
    }
    text
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_is_not_repeated() {
    for (refusal, state) in REFUSALS {
        let database = PostgresDatabase::fresh();
        let store = database.store().await;
        if refusal.starts_with("ALTER") {
            database.sql(refusal);
        } else {
            database.sql(&format!(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {refusal} RETURN NEW; END $$;
                 CREATE TRIGGER refuse BEFORE INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION refuse()"
            ));
        }
        let planted = NewTask { payload: json(r#""planted-payload""#), ..task() };
        let refused = store.enqueue(vec![planted], EnqueueMode::Each).await.expect_err("refused");
        assert!(matches!(refused, StoreError::Rejected(_)), "{state}: {refused:?}");
        let text = all_of(&refused);
        assert!(text.contains(state), "{state} is not in\n{text}");
        assert!(!text.contains("planted"), "{text}");
    }
}
