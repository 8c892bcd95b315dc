//! Watches the database, and makes the service read-only while it is away or takes no writes.

use std::error::Error;
use std::time::Duration;

use taskward_store::StoreError;
use tokio::sync::watch;
use tokio::time::Instant;

use super::Trouble;
use crate::engine::Engine;

/// How long nobody may have had an answer of the database until it is asked. With [`PATIENCE`] and [`SURE`] it is less than
/// the two seconds in which the service is to be read-only, or back.
const SILENCE: Duration = Duration::from_millis(850);
/// Others' answers do not say whether the database takes writes, so it is asked at least this often.
const PAUSE_MAX: Duration = Duration::from_millis(1500);
/// While something is wrong with it, it is asked this often.
const PAUSE_AWAY: Duration = Duration::from_millis(400);
/// However many ask for a look, there is this much between two; and this often it is seen whether others had answers.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// A database that takes longer than this may be away.
const PATIENCE: Duration = Duration::from_millis(900);
/// Giving time to running tasks may take as long as this: it waits for whoever holds them locked.
const GRACE_PATIENCE: Duration = Duration::from_secs(5);
/// After an error, until the database is asked again.
const SURE: Duration = Duration::from_millis(100);

/// Watches for ever. `up` is `None` until the first answer.
pub(crate) async fn watch_database(engine: Engine, up: watch::Sender<Option<bool>>) {
    let gauge = metrics::gauge!("taskward_database_up");
    loop {
        let trouble = look(&engine).await;
        note(&engine, trouble);
        gauge.set(if trouble.is_none() { 1.0 } else { 0.0 });
        up.send_if_modified(|up| up.replace(trouble.is_none()) != Some(trouble.is_none()));
        return_to_normal(&engine).await;
        tokio::time::sleep(PAUSE_MIN).await;
        tokio::select! {
            () = silence(&engine) => {}
            () = engine.mode().asked_to_look() => {}
        }
    }
}

/// Returns when the database is to be asked again: an answer to anybody else says as much as one to us.
async fn silence(engine: &Engine) {
    if engine.mode().trouble().is_some() {
        return tokio::time::sleep(PAUSE_AWAY).await;
    }
    let begun = Instant::now();
    let (mut answers, mut answered) = (engine.store().answers(), begun);
    while answered.elapsed() < SILENCE && begun.elapsed() < PAUSE_MAX {
        tokio::time::sleep(PAUSE_MIN).await;
        let now = engine.store().answers();
        if now != answers {
            (answers, answered) = (now, Instant::now());
        }
    }
}

/// What is wrong with the database. An error is believed when it comes twice, and silence when it lasts; neither if
/// somebody else gets answers meanwhile: then there is merely much to do, or only our connection was cut.
async fn look(engine: &Engine) -> Option<Trouble> {
    let known = engine.mode().trouble().is_some();
    let doubtful = known | engine.mode().take_suspicion();
    let others = engine.store().answers();
    match ask(engine, doubtful).await {
        Ok(()) => return None,
        Err(Silence::Refused) => return Some(Trouble::RefusesWrites),
        Err(Silence::Lasting) => return away_unless(!known && engine.store().answers() > others),
        Err(Silence::Failed) if known => return Some(Trouble::Away),
        Err(Silence::Failed) => {}
    }
    let others = engine.store().answers();
    tokio::time::sleep(SURE).await;
    match ask(engine, doubtful).await {
        Ok(()) => None,
        Err(Silence::Refused) => Some(Trouble::RefusesWrites),
        Err(_) => away_unless(engine.store().answers() > others),
    }
}

fn away_unless(others_are_answered: bool) -> Option<Trouble> {
    (!others_are_answered).then_some(Trouble::Away)
}

/// How a question was not answered with yes.
enum Silence {
    /// Writes are refused.
    Refused,
    /// There was an error.
    Failed,
    /// There was nothing.
    Lasting,
}

async fn ask(engine: &Engine, doubtful: bool) -> Result<(), Silence> {
    let error = match tokio::time::timeout(PATIENCE, engine.store().probe(doubtful)).await {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => error,
        Err(_) => return Err(Silence::Lasting),
    };
    if engine.mode().trouble().is_none() {
        tracing::warn!(error = &error as &dyn Error, "the database was asked, and fails");
    }
    Err(if matches!(error, StoreError::ReadOnly(_)) { Silence::Refused } else { Silence::Failed })
}

/// The mode first: what is cut off then has a mode to explain it.
fn note(engine: &Engine, trouble: Option<Trouble>) {
    let before = engine.mode().trouble();
    if before != trouble {
        match trouble {
            Some(trouble) => tracing::warn!("{trouble}"),
            None => tracing::info!("the database is as it should be again"),
        }
    }
    engine.mode().set_trouble(trouble);
    engine.store().set_away(trouble == Some(Trouble::Away));
}

/// Once there is no cause any more: gives time to workers that could not be heard, and then takes writes. If that
/// fails, the next look finds out why.
async fn return_to_normal(engine: &Engine) {
    if !engine.mode().is_returning() {
        return;
    }
    let grace = engine.leases().grace();
    match tokio::time::timeout(GRACE_PATIENCE, engine.store().grant_grace(grace)).await {
        Ok(Ok(tasks)) => {
            tracing::info!(tasks, "running tasks were given {}", taskward_core::duration::format(grace));
            engine.mode().time_was_given();
        }
        Ok(Err(error)) => {
            tracing::warn!(error = &error as &dyn Error, "running tasks cannot be given time yet");
        }
        Err(_) => tracing::warn!("running tasks cannot be given time yet: the database does not answer that"),
    }
}
