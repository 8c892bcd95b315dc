//! `taskward metrics show`: which figures there are samples for.

use taskward_api::MetricsSummary;

/// Figures that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Requests that were answered.
    Requests,
    /// Tasks that were worked on.
    Tasks,
    /// The process and its machine.
    System,
    /// Look-ups in caches.
    Cache,
}

impl Group {
    /// The groups of every service; a cache is asked for by name.
    pub const USUAL: [Self; 3] = [Self::Requests, Self::Tasks, Self::System];

    /// The name it is asked for by.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Requests => "requests",
            Self::Tasks => "tasks",
            Self::System => "system",
            Self::Cache => "cache",
        }
    }

    /// Whether anything was there to measure within the window: a request answered, an attempt or a task ended,
    /// a look-up made, anything at all read of the system.
    #[must_use]
    pub fn has_samples(self, summary: &MetricsSummary) -> bool {
        let some = |count: Option<u64>| count.is_some_and(|count| count > 0);
        match self {
            Self::Requests => some(summary.requests.answered),
            Self::Tasks => {
                let tasks = &summary.tasks;
                [tasks.attempts, tasks.completed, tasks.dead].into_iter().any(some)
            }
            Self::System => summary.system != Default::default(),
            Self::Cache => some(summary.cache.lookups),
        }
    }
}

#[cfg(test)]
mod tests {
    use taskward_api::{CacheFigures, HumanDuration, RequestFigures, SystemFigures, TaskFigures};

    use super::*;

    #[test]
    fn nothing_that_happened_is_no_data() {
        let mut summary = MetricsSummary {
            window: HumanDuration(std::time::Duration::from_secs(300)),
            covered_seconds: Some(5.0),
            requests: RequestFigures { answered: Some(0), per_second: Some(0.0), ..Default::default() },
            tasks: TaskFigures { in_flight: Some(3), ..Default::default() },
            cache: CacheFigures::default(),
            system: SystemFigures::default(),
        };
        for group in Group::USUAL.into_iter().chain([Group::Cache]) {
            assert!(!group.has_samples(&summary), "{}", group.name());
        }
        summary.requests.answered = Some(1);
        summary.tasks.attempts = Some(1);
        summary.system.open_fds = Some(1);
        assert!(Group::USUAL.into_iter().all(|group| group.has_samples(&summary)));
    }
}
