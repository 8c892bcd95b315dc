//! The service as a whole: listens, serves, drains.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use taskward_store::Store;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tower::Service;

use crate::alerts::Alerts;
use crate::engine::Engine;
use crate::http::{App, Telemetry, router};
use crate::maintenance::{self, Rates};
use crate::mode::{ModeSwitch, StateFile, watch_database};
use crate::settings::Settings;
use crate::telemetry::history::{self, History};
use crate::telemetry::log::LogControl;
use crate::telemetry::metrics::{Collector, Recorder};
use crate::telemetry::traces::Traces;

/// After a failed accept, which means a lack of file descriptors, nothing is gained by trying at once.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A service that is ready to serve.
pub struct Server {
    listener: TcpListener,
    service: axum::Router,
    engine: Engine,
    store: Arc<dyn Store>,
    settings: Settings,
    loops: JoinSet<()>,
    traces: Option<Traces>,
}

/// Requests were still in flight at the end of the drain.
#[derive(Debug, thiserror::Error)]
#[error("requests were still in flight after the drain timeout")]
pub struct DrainTimedOut;

impl Server {
    /// Binds the port. A claim to it that comes before anything else is done leaves nothing behind when the
    /// port is taken; connections wait until the server runs.
    ///
    /// # Errors
    /// When the address cannot be resolved, or the port is taken.
    pub async fn bind(settings: &Settings) -> io::Result<TcpListener> {
        TcpListener::bind((settings.host.as_str(), settings.port)).await
    }

    /// Starts everything behind the port. The store's schema must be current. Without `traces` nothing is traced.
    pub fn start(
        listener: TcpListener,
        store: Arc<dyn Store>,
        settings: Settings,
        recorder: Recorder,
        log: LogControl,
        traces: Option<Traces>,
    ) -> Self {
        let mode = ModeSwitch::default();
        if let Some(maintenance) = StateFile::in_dir(&settings.state_dir).read() {
            mode.begin_by_hand(maintenance);
        }
        let engine = Engine::start(Arc::clone(&store), &settings, mode);
        let rates = Rates::default();
        let mut loops = maintenance::start(&engine, &settings, &rates);
        let directories = settings.directories.clone();
        let collector =
            Arc::new(Collector::new(recorder, engine.clone(), rates.clone(), directories, settings.key_age));
        let history = History::new(Instant::now());
        if settings.metrics {
            loops.spawn(history::sample(Arc::clone(&collector), history.clone()));
        }
        let alerts = Alerts::new(settings.alerts.clone());
        let (up, database_up) = watch::channel(None);
        loops.spawn(watch_database(engine.clone(), up));
        alerts.start(&history, database_up, &mut loops);
        loops.spawn(log.levels().clone().revert_in_time());
        let tracer = traces.as_ref().map(Traces::tracer);
        let telemetry = Telemetry { collector, history, log, tracer };
        let service = router(App::new(engine.clone(), settings.clone(), rates, alerts, telemetry));
        Self { listener, service, engine, store, settings, loops, traces }
    }

    /// The address it listens on.
    ///
    /// # Errors
    /// When the socket has none any more.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until `stop` returns, then drains: no new claims, the port open a little longer, requests in
    /// flight finished, the store closed, the last spans sent.
    ///
    /// # Errors
    /// [`DrainTimedOut`] when requests were cut off. What they had committed is durable, as always.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), DrainTimedOut> {
        let connections = GracefulShutdown::new();
        let slots = Arc::new(Semaphore::new(self.settings.connections_max));
        let accept = async {
            loop {
                let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { return };
                match self.listener.accept().await {
                    Ok((stream, _)) => self.serve_connection(stream, slot, &connections),
                    Err(error) => {
                        tracing::warn!(
                            error = &error as &dyn std::error::Error,
                            "cannot accept a connection"
                        );
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        };
        let drain_notice = self.settings.drain_notice;
        let mode = self.engine.mode().clone();
        tokio::select! {
            () = accept => {}
            () = async {
                stop.await;
                tracing::info!("draining: no new claims; finishing what is in flight");
                mode.drain();
                tokio::time::sleep(drain_notice).await;
            } => {}
        }
        drop(self.listener);
        let rest = self.settings.drain_timeout.saturating_sub(drain_notice);
        let drained = tokio::time::timeout(rest, connections.shutdown()).await;
        drop(self.loops);
        self.store.close().await;
        if let Some(traces) = self.traces {
            traces.end().await;
        }
        drained.map_err(|_| DrainTimedOut)
    }

    fn serve_connection(
        &self,
        stream: TcpStream,
        slot: tokio::sync::OwnedSemaphorePermit,
        all: &GracefulShutdown,
    ) {
        // Answers are small and waited for.
        let _ = stream.set_nodelay(true);
        let service = self.service.clone();
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.settings.request_timeout)
            .serve_connection(TokioIo::new(stream), service_fn(move |request| service.clone().call(request)));
        let connection = all.watch(connection);
        tokio::spawn(async move {
            // A connection that breaks is the client's affair.
            let _ = connection.await;
            drop(slot);
        });
    }
}
