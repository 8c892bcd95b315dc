//! Progress on stderr: animated on a terminal, absent elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// How often the line is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// A line of progress.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Whether it shows how much is done.
    measured: Arc<AtomicBool>,
}

const MESSAGE: &str = "{spinner} {msg}";
const BYTES: &str = "{msg}  {bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  ETA {eta}";

impl Progress {
    /// Of work whose size is known, or not. Shows rate, and with a known size the time left.
    pub(crate) fn of(total: Option<u64>) -> Self {
        let template = match total {
            Some(_) => "{bar:30} {human_pos}/{human_len} ({percent}%)  {rate}/s  ETA {eta}",
            None => "{spinner} {human_pos}  {rate}/s  {elapsed}",
        };
        Self::styled(total, template)
    }

    /// Of work that only has a message.
    pub(crate) fn message() -> Self {
        Self::styled(None, MESSAGE)
    }

    /// Something else is being done from now on; how much of it is not known yet.
    pub(crate) fn stage(&self, stage: &'static str) {
        self.measured.store(false, Ordering::Relaxed);
        self.style(MESSAGE);
        self.bar.set_message(stage);
        self.bar.reset();
    }

    /// So many bytes are done, of so many.
    pub(crate) fn at(&self, done: u64, total: u64) {
        if !self.measured.swap(true, Ordering::Relaxed) {
            self.style(BYTES);
        }
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    fn styled(total: Option<u64>, template: &str) -> Self {
        let target = if std::io::stderr().is_terminal() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(total, target);
        let progress = Self { bar, measured: Arc::default() };
        progress.style(template);
        if !progress.is_hidden() {
            progress.bar.enable_steady_tick(TICK);
        }
        progress
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.with_key("rate", whole_rate));
        }
    }

    /// Further by so much.
    pub(crate) fn add(&self, done: u64) {
        self.bar.inc(done);
    }

    /// Shows a text.
    pub(crate) fn say(&self, text: String) {
        self.bar.set_message(text);
    }

    /// Whether nobody sees it.
    pub(crate) fn is_hidden(&self) -> bool {
        self.bar.is_hidden()
    }

    /// Writes something else to the terminal.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the line away.
    pub(crate) fn end(&self) {
        self.bar.finish_and_clear();
    }
}

/// Tasks a second, without the decimals that nobody reads.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and a float saturates when it is cast"
)]
fn whole_rate(state: &ProgressState, text: &mut dyn std::fmt::Write) {
    // A line of progress that cannot be written is not worth an error.
    let _ = write!(text, "{}", HumanCount(state.per_sec().round() as u64));
}
