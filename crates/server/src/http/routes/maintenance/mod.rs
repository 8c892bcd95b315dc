//! The mode, by hand.

pub(crate) mod end;
pub(crate) mod get;
pub(crate) mod set;

use std::sync::Arc;
use std::time::Duration;

use taskward_api::{MaintenanceAnswer, MaintenanceMode, MaintenanceNow};

use crate::http::App;
use crate::http::observe;
use crate::mode::Maintenance;

/// How long an answer waits for what it says to be so: commits in flight, or time for workers.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// Puts an operator's word in force, and writes it down; `None` ends it.
async fn put(app: &Arc<App>, maintenance: Option<Maintenance>) {
    let (file, mode) = (app.state_file.clone(), app.engine.mode().clone());
    let request = observe::request_id();
    let put = tokio::task::spawn_blocking(move || match maintenance {
        Some(maintenance) => file.begin(&mode, maintenance),
        None => file.end(&mode, &request),
    })
    .await;
    if let Ok(Err(error)) = put {
        observe::log(|| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the mode is in force, but cannot be written down: a restart forgets it"
            );
        });
    }
}

/// Waits a little for something to be so.
async fn settles(mut done: impl FnMut() -> bool) {
    let looking = async {
        while !done() {
            tokio::time::sleep(LOOK).await;
        }
    };
    // Whoever asked sees in the answer how far it is.
    let _ = tokio::time::timeout(SETTLES_WITHIN, looking).await;
}

/// How it is now.
async fn answer(app: &Arc<App>) -> MaintenanceAnswer {
    let file = app.state_file.clone();
    // A task that panics is not awaited: reading does not.
    let written = tokio::task::spawn_blocking(move || file.read()).await.ok().flatten();
    let mode = app.engine.mode();
    let by_hand = mode.by_hand();
    MaintenanceAnswer {
        instance: app.settings.instance.clone(),
        mode: mode.current().as_str().to_owned(),
        reason: mode.read_only().map(|cause| cause.to_string()),
        survives_restart: written == by_hand,
        maintenance: by_hand.map(|Maintenance { reason, since, set_by }| MaintenanceNow {
            mode: MaintenanceMode::ReadOnly,
            reason,
            since,
            set_by,
        }),
    }
}
