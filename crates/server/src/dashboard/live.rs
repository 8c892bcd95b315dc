//! Pages that stay up to date: a stream of server-sent events for each page that is looked at. Every few seconds
//! it sends the regions that changed, and a sign of life when none did, so that the page knows when it is stale.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Path;
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use http::header::RETRY_AFTER;
use http::{HeaderName, HeaderValue, StatusCode};
use serde_json::json;
use taskward_core::TaskId;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::clock;
use super::layout::{Region, firing_count};
use super::pages::{alerts, instances, overview, queues, task, workers};
use super::visit::{Visit, Visitor};

/// Pages that are live at a time. Each asks the database a few things every [`EVERY`]; hidden pages stop asking.
pub(super) const STREAMS_MAX: usize = 50;
const EVERY: Duration = Duration::from_secs(3);
/// What nginx and others that do as it does look for.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// What is watched.
enum Watched {
    Overview,
    Queues,
    Workers,
    Instances,
    Alerts,
    Task(TaskId),
}

impl Watched {
    async fn regions(&self, visitor: &Visitor) -> Vec<Region> {
        let mut regions = match self {
            Self::Overview => overview::regions(visitor).await,
            Self::Queues => queues::regions(visitor).await,
            Self::Workers => workers::regions(visitor).await,
            Self::Instances => instances::regions(visitor).await,
            Self::Alerts => alerts::regions(visitor),
            Self::Task(id) => task::regions_of(visitor, *id).await,
        };
        // The one thing in the header that changes: it says on every page that something fires.
        regions.push(firing_count(visitor));
        regions
    }
}

pub(super) async fn overview(Visit(visitor): Visit) -> Response {
    stream(visitor, Watched::Overview)
}

pub(super) async fn queues(Visit(visitor): Visit) -> Response {
    stream(visitor, Watched::Queues)
}

pub(super) async fn workers(Visit(visitor): Visit) -> Response {
    stream(visitor, Watched::Workers)
}

pub(super) async fn instances(Visit(visitor): Visit) -> Response {
    stream(visitor, Watched::Instances)
}

pub(super) async fn alerts(Visit(visitor): Visit) -> Response {
    stream(visitor, Watched::Alerts)
}

pub(super) async fn task(Visit(visitor): Visit, Path(id): Path<String>) -> Response {
    match id.parse() {
        Ok(id) => stream(visitor, Watched::Task(id)),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A stream that is being sent.
struct Stream {
    visitor: Visitor,
    watched: Watched,
    /// What was sent of each region last.
    sent: HashMap<&'static str, String>,
    next: Instant,
    _permit: OwnedSemaphorePermit,
}

fn stream(visitor: Visitor, watched: Watched) -> Response {
    let Ok(permit) = Arc::clone(&visitor.app.dashboard.streams).try_acquire_owned() else {
        let retry = [(RETRY_AFTER, HeaderValue::from_static("10"))];
        return (StatusCode::SERVICE_UNAVAILABLE, retry).into_response();
    };
    let stream = Stream { visitor, watched, sent: HashMap::new(), next: Instant::now(), _permit: permit };
    let events = Sse::new(futures_util::stream::unfold(stream, Stream::next));
    // A proxy that gathers events before it passes them on would make every page look stale.
    ([(UNBUFFERED, HeaderValue::from_static("no"))], events).into_response()
}

impl Stream {
    /// Waits until it is time, and makes the next event. A drain ends the stream, and so does the end
    /// of the session, be it early or not.
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        let mode = self.visitor.app.engine.mode().clone();
        tokio::select! {
            biased;
            () = mode.draining() => return None,
            () = tokio::time::sleep_until(self.next) => {}
        }
        let sessions = &self.visitor.app.dashboard.sessions;
        if self.visitor.session.is_some_and(|session| !sessions.is_open(session, clock::now())) {
            return None;
        }
        let regions = tokio::select! {
            () = mode.draining() => return None,
            regions = self.watched.regions(&self.visitor) => regions,
        };
        self.next = Instant::now() + EVERY;
        let event = Event::default().data(json!({ "regions": self.changed(regions) }).to_string());
        Some((Ok(event), self))
    }

    /// The regions that are not what was sent last.
    fn changed(&mut self, regions: Vec<Region>) -> HashMap<&'static str, String> {
        let mut changed = HashMap::new();
        for region in regions {
            let html = region.html.into_string();
            if self.sent.get(region.id) != Some(&html) {
                self.sent.insert(region.id, html.clone());
                changed.insert(region.id, html);
            }
        }
        changed
    }
}
