//! Lines that were not written: the count, and the line that tells it once writing works again.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// An output that drops line after line says so this often.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What an output has dropped.
#[derive(Debug)]
pub(super) struct Drops {
    output: &'static str,
    /// Lines that did not fit into the queue.
    unqueued: AtomicU64,
    /// Lines that could not be written.
    unwritten: AtomicU64,
}

impl Drops {
    pub(super) fn of(output: &'static str) -> Arc<Self> {
        Arc::new(Self { output, unqueued: AtomicU64::new(0), unwritten: AtomicU64::new(0) })
    }

    /// A line did not fit into the queue.
    pub(super) fn queue_full(&self) {
        self.unqueued.fetch_add(1, Ordering::Relaxed);
    }

    fn unqueued(&self) -> u64 {
        self.unqueued.load(Ordering::Relaxed)
    }

    fn unwritten(&self) -> u64 {
        self.unwritten.load(Ordering::Relaxed)
    }

    /// Lines that are missing, for whatever reason.
    pub(super) fn dropped(&self) -> u64 {
        self.unqueued() + self.unwritten()
    }

    /// Brings the metric up to date.
    pub(super) fn count(&self) {
        for (reason, lines) in [("queue_full", self.unqueued()), ("write_failed", self.unwritten())] {
            metrics::counter!("taskward_log_lines_dropped_total", "output" => self.output, "reason" => reason)
                .absolute(lines);
        }
    }
}

/// Writes lines whole, or drops and counts them.
pub(super) struct Dropping<W> {
    inner: W,
    drops: Arc<Drops>,
    told: u64,
    tell_after: Instant,
    /// Why the latest line was dropped.
    error: Option<io::Error>,
}

impl<W: Write> Dropping<W> {
    pub(super) fn new(inner: W, drops: Arc<Drops>) -> Self {
        Self { inner, drops, told: 0, tell_after: Instant::now(), error: None }
    }

    pub(super) fn write(&mut self, line: &[u8]) {
        match self.inner.write_all(line) {
            Ok(()) => self.tell(),
            Err(error) => {
                self.drops.unwritten.fetch_add(1, Ordering::Relaxed);
                self.error = Some(error);
            }
        }
    }

    pub(super) fn flush(&mut self) {
        // Nothing is kept back that a flush could still lose, except on a stream that is gone.
        let _ = self.inner.flush();
    }

    /// Says how many lines are missing. The line goes through the queue like any other.
    fn tell(&mut self) {
        let dropped = self.drops.dropped();
        if dropped == self.told || Instant::now() < self.tell_after {
            return;
        }
        let error = self.error.take().map(|error| error.to_string());
        let why = error.as_deref().unwrap_or("more lines than could be written");
        tracing::warn!(
            output = self.drops.output,
            dropped = dropped - self.told,
            why,
            "lines of the log were dropped; it is written again"
        );
        self.told = dropped;
        self.tell_after = Instant::now() + TELL_EVERY;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes what has room.
    struct Room(usize);

    impl Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_cannot_be_written_is_counted_and_told_once() {
        let drops = Drops::of("file");
        let mut writer = Dropping::new(Room(4), Arc::clone(&drops));
        for _ in 0..3 {
            writer.write(b"ab\n");
        }
        assert_eq!((drops.unwritten(), writer.told), (2, 0));
        writer.inner = Room(100);
        writer.write(b"ab\n");
        assert_eq!((drops.unwritten(), writer.told), (2, 2));
        assert!(writer.error.is_none());
    }
}
