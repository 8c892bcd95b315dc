//! An output: a thread that writes, and a bounded queue before it.
//!
//! `tracing-appender` has such a queue. Its guard prints to standard output when the queue does not drain at the
//! end, and so waits for ever for the very reader that hangs; and its queue is bounded in lines only.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use tracing_subscriber::field::RecordFields;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::{FormatFields, MakeWriter};
use tracing_subscriber::layer::Layered;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use super::drops::{Dropping, Drops};
use super::ecs::Ecs;
use super::file::LogFile;
use super::{LogFileSettings, LogFormat, LogSettings, LogStream};

/// Lines that wait for an output.
const QUEUE_LINES: usize = 8 * 1024;
/// Bytes of lines that wait for an output.
const QUEUE_BYTES: usize = 8 * 1024 * 1024;
/// How long the end waits for lines that still wait: for room in the queue, and then for the writing.
const LAST_LINES: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What an output's layer stands on.
pub(super) type Filtered = Layered<reload::Layer<Targets, Registry>, Registry>;

/// Writes lines in a thread of its own. Dropping it waits a little for what was not written yet.
pub(super) struct Output {
    pub(super) drops: Arc<Drops>,
    queue: Queue,
    colour: bool,
}

/// The way to an output. Clones lead to the same one.
#[derive(Clone)]
pub(super) struct Queue {
    sender: SyncSender<Message>,
    /// Bytes of lines that wait.
    waiting: Arc<AtomicUsize>,
    drops: Arc<Drops>,
}

enum Message {
    Line(Vec<u8>),
    /// Everything before it was written: say so.
    Last(SyncSender<()>),
}

impl Output {
    /// # Errors
    /// When the thread cannot be started.
    pub(super) fn stream(stream: LogStream) -> io::Result<Self> {
        match stream {
            LogStream::Stdout { colour } => Self::start("stdout", io::stdout(), colour),
            LogStream::Stderr => Self::start("stderr", io::stderr(), false),
        }
    }

    /// # Errors
    /// When the file cannot be opened, or the thread cannot be started.
    pub(super) fn file(settings: &LogFileSettings, reopen: Arc<AtomicBool>) -> io::Result<Self> {
        Self::start("file", LogFile::open(settings, reopen)?, false)
    }

    fn start(name: &'static str, writer: impl io::Write + Send + 'static, colour: bool) -> io::Result<Self> {
        let drops = Drops::of(name);
        let (sender, lines) = sync_channel(QUEUE_LINES);
        let queue = Queue { sender, waiting: Arc::default(), drops: Arc::clone(&drops) };
        let (writer, waiting) = (Dropping::new(writer, Arc::clone(&drops)), Arc::clone(&queue.waiting));
        thread::Builder::new()
            .name("taskward-log".to_owned())
            .spawn(move || write(writer, &lines, &waiting))?;
        Ok(Self { drops, queue, colour })
    }

    /// What formats the lines for this output.
    pub(super) fn layer(&self, settings: &LogSettings) -> Box<dyn Layer<Filtered> + Send + Sync> {
        let (queue, colour) = (self.queue.clone(), self.colour);
        match (settings.format, colour) {
            (LogFormat::Json, _) => Ecs::new(&settings.service, queue).boxed(),
            (LogFormat::Human, true) => fmt::layer().with_target(false).with_writer(queue).boxed(),
            (LogFormat::Human, false) => {
                let lines = fmt::layer().with_target(false).fmt_fields(Plain);
                lines.with_ansi(false).with_writer(queue).boxed()
            }
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        let (written, last) = sync_channel(1);
        let mut message = Message::Last(written);
        let give_up = Instant::now() + LAST_LINES;
        while let Err(TrySendError::Full(again)) = self.queue.sender.try_send(message) {
            if Instant::now() >= give_up {
                return;
            }
            message = again;
            thread::sleep(LOOK_EVERY);
        }
        // Whoever does not read what we write does not keep us.
        let _ = last.recv_timeout(LAST_LINES);
    }
}

/// Writes what comes, for as long as somebody may log.
fn write(mut writer: Dropping<impl io::Write>, messages: &Receiver<Message>, waiting: &AtomicUsize) {
    while let Ok(message) = messages.recv() {
        match message {
            Message::Line(line) => {
                waiting.fetch_sub(line.len(), Ordering::Relaxed);
                writer.write(&line);
            }
            Message::Last(written) => {
                writer.flush();
                // Nobody waits any more when it took too long.
                let _ = written.send(());
            }
        }
    }
}

impl io::Write for Queue {
    /// Never waits, and never fails: there is nobody to tell but the counts.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let waiting = self.waiting.fetch_add(line.len(), Ordering::Relaxed);
        let fits = waiting + line.len() <= QUEUE_BYTES;
        if !fits || self.sender.try_send(Message::Line(line.to_vec())).is_err() {
            self.waiting.fetch_sub(line.len(), Ordering::Relaxed);
            self.drops.queue_full();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Queue {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// Fields of spans without colours. Layers share what they have formatted of a span by the type of their
/// formatter: with the default one for both, a terminal's colours would turn up in the file.
#[derive(Debug)]
struct Plain;

impl<'writer> FormatFields<'writer> for Plain {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'writer>, fields: R) -> std::fmt::Result {
        DefaultFields::new().format_fields(writer, fields)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Condvar, Mutex};

    use super::*;

    /// A reader that hangs until it is let go.
    #[derive(Clone, Default)]
    struct Hanging(Arc<(Mutex<(bool, usize)>, Condvar)>);

    impl Write for Hanging {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (state, changed) = &*self.0;
            let mut state =
                changed.wait_while(state.lock().expect("lock"), |(open, _)| !*open).expect("lock");
            state.1 += 1;
            changed.notify_all();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_hangs_costs_lines_and_not_time() {
        let reader = Hanging::default();
        let output = Output::start("stdout", reader.clone(), false).expect("started");
        let mut queue = output.queue.clone();
        let began = Instant::now();
        let lines = QUEUE_LINES + 100;
        for _ in 0..lines {
            queue.write_all(b"a line\n").expect("never an error");
        }
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let dropped = usize::try_from(output.drops.dropped()).expect("few");
        // The thread may have taken one before it hung.
        assert!([99, 100].contains(&dropped), "{dropped}");
        drop(output);
        assert!(began.elapsed() < Duration::from_secs(10), "the end waits a little, and not for ever");

        let (state, changed) = &*reader.0;
        state.lock().expect("lock").0 = true;
        changed.notify_all();
        let written = changed.wait_while(state.lock().expect("lock"), |(_, count)| *count + dropped < lines);
        assert_eq!(written.expect("lock").1 + dropped, lines);
    }

    #[test]
    fn large_lines_fill_the_queue_by_their_bytes() {
        let output = Output::start("stdout", Hanging::default(), false).expect("started");
        let line = vec![b'x'; QUEUE_BYTES / 4];
        for _ in 0..8 {
            output.queue.clone().write_all(&line).expect("never an error");
        }
        let dropped = output.drops.dropped();
        assert!((3..=4).contains(&dropped), "{dropped}");
    }
}
