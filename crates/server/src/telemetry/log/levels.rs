//! What is logged: the configured level, and levels that hold for a while.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use taskward_api::{LogLevels, TargetLevel};
use taskward_core::LogLevel;
use tokio::sync::Notify;
use tokio::time::Instant;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Registry;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::reload;

use super::{clock, targets};

/// The levels of the running log. Clones are the same levels.
#[derive(Clone)]
pub struct Levels(Arc<Inner>);

struct Inner {
    filter: reload::Handle<Targets, Registry>,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    configured: LevelFilter,
    /// At most one for each target, and one for everything.
    overrides: Vec<Override>,
}

/// A level that holds for a while.
#[derive(Clone)]
struct Override {
    /// `None` is everything.
    target: Option<&'static str>,
    level: LogLevel,
    until: Instant,
    reverts_at: Timestamp,
    set_by: String,
}

/// A level that somebody wants for a while.
#[derive(Debug, Clone)]
pub struct LevelChange {
    /// The level.
    pub level: LogLevel,
    /// The module it is for, one of [`TARGETS`](super::TARGETS); `None` is everything.
    pub target: Option<String>,
    /// For how long.
    pub lasts: Duration,
    /// The id of the request.
    pub set_by: String,
}

/// A level cannot be set for this target.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no such module, did you mean {nearest}?")]
pub struct LevelRefused {
    /// The module that was probably meant.
    pub nearest: &'static str,
}

impl Levels {
    /// The filter to install, and what changes it.
    pub(super) fn new(configured: LevelFilter) -> (reload::Layer<Targets, Registry>, Self) {
        let state = State { configured, overrides: Vec::new() };
        let (layer, filter) = reload::Layer::new(state.filter());
        (layer, Self(Arc::new(Inner { filter, state: Mutex::new(state), changed: Notify::new() })))
    }

    /// Sets the level of the configuration, at once. What holds for a while goes on holding.
    pub fn configure(&self, level: LevelFilter) {
        let mut state = self.state();
        state.configured = level;
        self.apply(&state);
    }

    /// Sets a level for a while. One that holds anyway takes back what was set before.
    ///
    /// # Errors
    /// When there is no such target.
    pub fn set(&self, change: LevelChange) -> Result<(), LevelRefused> {
        let target = match &change.target {
            Some(name) => {
                Some(targets::find(name).ok_or_else(|| LevelRefused { nearest: targets::nearest(name) })?)
            }
            None => None,
        };
        let mut state = self.state();
        let was = state.level_of(target);
        state.overrides.retain(|known| known.target != target);
        let reverts_at = clock::now().saturating_add(change.lasts).unwrap_or(Timestamp::MAX);
        if level_filter(change.level) != state.level_of(target) {
            let (level, until) = (change.level, Instant::now() + change.lasts);
            let set_by = change.set_by.clone();
            state.overrides.push(Override { target, level, until, reverts_at, set_by });
        }
        self.apply(&state);
        drop(state);
        tracing::warn!(
            event.category = "configuration",
            event.action = "log_level_changed",
            request_id = change.set_by,
            target_module = target,
            level = change.level.as_str(),
            was = name(was),
            until = %reverts_at,
            "the log level was changed"
        );
        self.0.changed.notify_one();
        Ok(())
    }

    /// What is logged now.
    pub fn now(&self) -> LogLevels {
        let state = self.state();
        let everything = state.overrides.iter().find(|known| known.target.is_none());
        let configured = log_level(state.configured);
        LogLevels {
            level: everything.map_or(configured, |known| known.level),
            configured,
            reverts_at: everything.map(|known| known.reverts_at),
            set_by: everything.map(|known| known.set_by.clone()),
            targets: state.overrides.iter().filter_map(Override::of_target).collect(),
        }
    }

    /// Takes back what has held for its time, for ever.
    pub(crate) async fn revert_in_time(self) {
        loop {
            let next = self.state().overrides.iter().map(|known| known.until).min();
            let due = async {
                match next {
                    Some(next) => tokio::time::sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = due => self.revert(Instant::now()),
                () = self.0.changed.notified() => {}
            }
        }
    }

    fn revert(&self, now: Instant) {
        let over: Vec<Override> = {
            let mut state = self.state();
            let over = state.overrides.extract_if(.., |known| known.until <= now).collect();
            self.apply(&state);
            over
        };
        for Override { target, level, set_by, .. } in over {
            let was = level.as_str();
            tracing::warn!(
                event.category = "configuration",
                event.action = "log_level_reverted",
                request_id = set_by,
                target_module = target,
                was,
                "the log level reverts"
            );
        }
    }

    fn apply(&self, state: &State) {
        // Fails only when the subscriber is gone, and then there is no log to speak of.
        let _ = self.0.filter.modify(|filter| *filter = state.filter());
    }

    /// No caller panics while it holds the lock, so what is behind a poisoned one is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The level is Taskward's own; libraries are heard when they warn. The most specific target wins.
    fn filter(&self) -> Targets {
        let everything = self.level_of(None);
        let mut filter = Targets::new()
            .with_default(everything.min(LevelFilter::WARN))
            .with_target("taskward", everything)
            // Who changed the level has to be known whatever it was changed to.
            .with_target(module_path!(), everything.max(LevelFilter::WARN));
        for Override { target, level, .. } in &self.overrides {
            if let Some(target) = target {
                filter = filter.with_target(*target, level_filter(*level));
            }
        }
        filter
    }

    /// The level that holds for a target, or for everything.
    fn level_of(&self, target: Option<&str>) -> LevelFilter {
        let own = target.and_then(|name| {
            let covers = |known: &&Override| {
                known.target.is_some_and(|known| {
                    name.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
                })
            };
            self.overrides.iter().filter(covers).max_by_key(|known| known.target.map_or(0, str::len))
        });
        let everything = || self.overrides.iter().find(|known| known.target.is_none());
        own.or_else(everything).map_or(self.configured, |known| level_filter(known.level))
    }
}

impl Override {
    fn of_target(&self) -> Option<TargetLevel> {
        let target = self.target?.to_owned();
        let (level, reverts_at, set_by) = (self.level, self.reverts_at, self.set_by.clone());
        Some(TargetLevel { target, level, reverts_at, set_by })
    }
}

/// A level as `tracing` has it.
pub fn level_filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warning => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

/// A level as the interface has it; the configuration knows no OFF.
fn log_level(level: LevelFilter) -> LogLevel {
    LogLevel::ALL.into_iter().rev().find(|known| level_filter(*known) <= level).unwrap_or(LogLevel::Error)
}

fn name(level: LevelFilter) -> &'static str {
    log_level(level).as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels() -> Levels {
        Levels::new(LevelFilter::INFO).1
    }

    fn change(level: LogLevel, target: Option<&str>, seconds: u64) -> LevelChange {
        let lasts = Duration::from_secs(seconds);
        LevelChange { level, target: target.map(ToOwned::to_owned), lasts, set_by: "r".to_owned() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_level_reverts_by_itself_and_the_next_one_later() {
        let levels = levels();
        let reverting = tokio::spawn(levels.clone().revert_in_time());
        levels.set(change(LogLevel::Debug, None, 60)).expect("set");
        levels.set(change(LogLevel::Trace, Some("taskward_store"), 120)).expect("set");
        let now = levels.now();
        assert_eq!(
            (now.level, now.configured, now.set_by.as_deref()),
            (LogLevel::Debug, LogLevel::Info, Some("r"))
        );
        tokio::time::sleep(Duration::from_secs(61)).await;
        let now = levels.now();
        assert_eq!((now.level, now.reverts_at, now.targets.len()), (LogLevel::Info, None, 1));
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(levels.now().targets.is_empty());
        reverting.abort();
    }

    #[test]
    fn the_level_that_holds_anyway_takes_back_what_was_set() {
        let levels = levels();
        levels.set(change(LogLevel::Debug, None, 60)).expect("set");
        levels.set(change(LogLevel::Info, Some("taskward_server::http"), 60)).expect("set");
        assert_eq!(levels.now().targets.len(), 1, "everything else is at DEBUG");
        levels.set(change(LogLevel::Info, None, 60)).expect("set");
        assert_eq!(levels.now().reverts_at, None);
        levels.set(change(LogLevel::Info, Some("taskward_server::http"), 60)).expect("set");
        assert_eq!(levels.now().targets, []);
    }

    #[test]
    fn a_reload_changes_what_is_reverted_to() {
        let levels = levels();
        levels.set(change(LogLevel::Debug, None, 60)).expect("set");
        levels.configure(LevelFilter::ERROR);
        assert_eq!((levels.now().level, levels.now().configured), (LogLevel::Debug, LogLevel::Error));
    }

    #[test]
    fn unknown_targets_are_refused_with_a_suggestion() {
        let refused = levels().set(change(LogLevel::Debug, Some("taskward_stor"), 60)).expect_err("refused");
        assert_eq!(refused.nearest, "taskward_store");
    }

    #[test]
    fn libraries_are_never_heard_below_warning_and_changes_always() {
        let quiet = State { configured: LevelFilter::ERROR, overrides: Vec::new() };
        let loud = State { configured: LevelFilter::TRACE, overrides: Vec::new() };
        for (state, target, level, heard) in [
            (&loud, "tokio_postgres::query", tracing::Level::INFO, false),
            (&loud, "tokio_postgres::query", tracing::Level::WARN, true),
            (&loud, "taskward_store", tracing::Level::TRACE, true),
            (&quiet, "taskward_store", tracing::Level::WARN, false),
            (&quiet, module_path!(), tracing::Level::WARN, true),
        ] {
            assert_eq!(state.filter().would_enable(target, &level), heard, "{target} {level}");
        }
    }
}
