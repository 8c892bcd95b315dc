//! The server's process.

use std::net::TcpListener;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::cluster::{ClusterDir, PATIENCE, is_ready};
use super::commands::program_as_server;

/// How often a start is tried, each time on another free port.
const PORTS_TRIED: usize = 5;

/// A server, and the thread that started it. The kernel ties the server's life to that thread, so the
/// thread waits for the server's end.
pub(super) struct Server {
    port: u16,
    pid: u32,
    keeper: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server on a port that is free now. Somebody else may take the port first; then another
    /// one is tried.
    pub(super) fn start(dir: &ClusterDir) -> Self {
        for _ in 1..PORTS_TRIED {
            if let Some(server) = Self::try_start(dir, free_port()) {
                return server;
            }
        }
        Self::start_on(dir, free_port())
    }

    /// Starts a server on a known port. After a crash the dead server's children may hold its memory for
    /// a moment, and the server refuses to start until they are gone.
    pub(super) fn start_on(dir: &ClusterDir, port: u16) -> Self {
        let give_up = Instant::now() + PATIENCE;
        loop {
            if let Some(server) = Self::try_start(dir, port) {
                return server;
            }
            assert!(Instant::now() < give_up, "PostgreSQL does not start:\n{}", dir.log());
            thread::sleep(Duration::from_millis(50));
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Sends a signal that ends the server, and waits until it has ended.
    pub(super) fn end(&mut self, signal: Signal) {
        let Some(keeper) = self.keeper.take() else { return };
        // A server that somebody else has ended is not there to be signalled; its number may be another's by now.
        let pid = i32::try_from(self.pid).ok().filter(|_| !keeper.is_finished());
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
        let _ = keeper.join();
    }

    /// `None` when the server ended instead of becoming ready.
    fn try_start(dir: &ClusterDir, port: u16) -> Option<Self> {
        let mut command = program_as_server("postgres", true);
        command.arg("-D").arg(dir.data()).arg("-p").arg(port.to_string());
        command.stdin(Stdio::null()).stdout(dir.log_file()).stderr(dir.log_file());
        let (started, start) = mpsc::channel();
        let keeper = thread::spawn(move || {
            let mut child = command.spawn().expect("run setpriv and postgres");
            let _ = started.send(child.id());
            let _ = child.wait();
        });
        let pid = start.recv().expect("the server's process");
        let mut server = Self { port, pid, keeper: Some(keeper) };
        let give_up = Instant::now() + PATIENCE;
        while !is_ready(&dir.data(), pid) {
            if server.has_ended() {
                return None;
            }
            assert!(Instant::now() < give_up, "PostgreSQL does not become ready:\n{}", dir.log());
            thread::sleep(Duration::from_millis(5));
        }
        Some(server)
    }

    fn has_ended(&mut self) -> bool {
        self.keeper.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Signal::QUIT);
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("find a free port");
    listener.local_addr().expect("a local address").port()
}
