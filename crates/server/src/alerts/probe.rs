//! Whether the database is there: asked now and then, whatever requests do.

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::Engine;

/// The pause between two questions. With [`PATIENCE`] it is less than the five seconds in which a fault is to be
/// noticed.
const PAUSE: Duration = Duration::from_millis(2500);
/// While the database is away: writes wait for it to be back.
const PAUSE_DOWN: Duration = Duration::from_millis(500);
/// A database that takes longer than this may be away.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks for ever. `seen` is `None` until the first answer.
pub(super) async fn run(engine: Engine, seen: watch::Sender<Option<bool>>) {
    let gauge = metrics::gauge!("taskward_database_up");
    loop {
        let up = answers(&engine).await;
        gauge.set(if up { 1.0 } else { 0.0 });
        seen.send_if_modified(|seen| seen.replace(up) != Some(up));
        tokio::time::sleep(if up { PAUSE } else { PAUSE_DOWN }).await;
    }
}

/// An error is an answer: no. Silence is one only if nobody else gets anywhere either: a question that waits
/// behind many others for a connection says that there is much to do, and being read-only would not help.
async fn answers(engine: &Engine) -> bool {
    let sent = engine.store().statements();
    match tokio::time::timeout(PATIENCE, engine.store().ping()).await {
        Ok(answer) => answer.is_ok(),
        Err(_) => engine.store().statements() > sent,
    }
}
