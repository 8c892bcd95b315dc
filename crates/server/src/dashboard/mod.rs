//! The dashboard: pages for people, at `/`, made on the server from what the HTTP interface answers.
//!
//! - `pages/` has a file for each page, with its forms; what a page says and does is asked of the very functions
//!   behind `/api/v1`, so that both always agree.
//! - `visit.rs` is who asks: language, session, and the forms that may change something.
//! - `live.rs` sends a page's changing regions again every few seconds, for as long as the page is looked at.
//! - `texts.rs` has every text in every language, `rules.rs` what alerts say, `layout.rs` what stands around a page, `chart.rs` the charts.
//!
//! A session opens the pages and nothing else: `/api` wants the key, as always. Everything is escaped by the macro
//! that writes HTML; nothing is loaded from elsewhere, and no script or style stands in a page (see `headers.rs`).

mod assets;
mod chart;
mod clock;
mod cookies;
mod failure;
mod format;
mod headers;
mod json_text;
mod language;
mod layout;
mod live;
mod pages;
mod rules;
mod session;
mod signals;
mod texts;
mod visit;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use secrecy::SecretString;
use tokio::sync::Semaphore;

use crate::http::App;
use pages::{
    alerts, configuration, instances, overview, queues, retry_dead, sign_in, silence, task, tasks, workers,
};
use session::Sessions;

/// What the dashboard keeps between requests.
pub(crate) struct Dashboard {
    sessions: Sessions,
    /// A permit for each page that is live.
    streams: Arc<Semaphore>,
}

impl Dashboard {
    /// The dashboard of a service with this key.
    pub(crate) fn new(key: Option<&SecretString>) -> Self {
        Self { sessions: Sessions::new(key), streams: Arc::new(Semaphore::new(live::STREAMS_MAX)) }
    }
}

/// Every path of the dashboard.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/", get(overview::page))
        .route("/queues", get(queues::page))
        .route("/queues/pause", post(queues::pause))
        .route("/queues/resume", post(queues::resume))
        .route("/queues/retry-dead", get(retry_dead::page).post(retry_dead::run))
        .route("/tasks", get(tasks::page))
        .route("/tasks/{id}", get(task::page))
        .route("/tasks/{id}/cancel", post(task::cancel))
        .route("/tasks/{id}/retry", post(task::retry))
        .route("/workers", get(workers::page))
        .route("/instances", get(instances::page))
        .route("/alerts", get(alerts::page))
        .route("/alerts/silence", get(silence::page).post(silence::begin))
        .route("/alerts/unsilence", post(silence::end))
        .route("/configuration", get(configuration::page))
        .route("/sign-in", get(sign_in::page).post(sign_in::sign_in))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/language", post(sign_in::choose_language))
        .route("/live/overview", get(live::overview))
        .route("/live/queues", get(live::queues))
        .route("/live/workers", get(live::workers))
        .route("/live/instances", get(live::instances))
        .route("/live/alerts", get(live::alerts))
        .route("/live/tasks/{id}", get(live::task))
        .route("/assets/{name}", get(assets::asset))
        .layer(axum::middleware::map_response(headers::protect))
}
