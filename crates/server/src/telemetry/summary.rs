//! How this instance did lately, from the history of its metrics. Nothing is divided by nought: what was not
//! measured is absent.

use std::time::Duration;

use taskward_api::{CacheFigures, HumanDuration, MetricsSummary, RequestFigures, SystemFigures, TaskFigures};

use super::history::History;

/// The figures of the last `window`.
pub fn of(history: &History, window: Duration) -> MetricsSummary {
    let view = View { history, window };
    MetricsSummary {
        window: HumanDuration(window),
        covered_seconds: history.span(window).map(|span| span.as_secs_f64()),
        requests: view.requests(),
        tasks: view.tasks(),
        cache: view.cache(),
        system: view.system(),
    }
}

struct View<'a> {
    history: &'a History,
    window: Duration,
}

type Labels<'a> = &'a [(&'a str, &'a str)];

impl View<'_> {
    fn requests(&self) -> RequestFigures {
        const NAME: &str = "taskward_http_request_duration_seconds";
        /// Claims and reads that may wait say nothing by how long they took.
        const PROMPT: [(&str, &str); 1] = [("pace", "prompt")];
        let answered = self.count(NAME, &[]);
        let failed = self.count(NAME, &[("status", "5xx")]);
        let error_ratio = ratio(failed, answered);
        RequestFigures {
            answered: answered.map(whole),
            per_second: self.per_second(answered),
            latency_p50_seconds: self.quantile(0.50, NAME, &PROMPT),
            latency_p95_seconds: self.quantile(0.95, NAME, &PROMPT),
            latency_p99_seconds: self.quantile(0.99, NAME, &PROMPT),
            error_ratio,
            availability: error_ratio.map(|failed| 1.0 - failed),
        }
    }

    fn tasks(&self) -> TaskFigures {
        const FINISHED: &str = "taskward_tasks_finished_total";
        const DURATION: &str = "taskward_attempt_duration_seconds";
        let completed = self.count(FINISHED, &[("state", "completed")]);
        let dead = self.count(FINISHED, &[("state", "dead")]);
        let ended = completed.zip(dead).map(|(completed, dead)| completed + dead);
        // Given back is not done: those attempts say nothing about how long the work takes.
        let worked = ["completed", "failed"]
            .map(|outcome| self.history.observed(DURATION, &[("outcome", outcome)], self.window));
        let worked = worked.into_iter().flatten().reduce(|all, more| all.and(&more));
        let oldest = self.history.latest_by("taskward_queue_oldest_ready_age_seconds", &[], "queue");
        TaskFigures {
            completed: completed.map(whole),
            dead: dead.map(whole),
            per_second: self.per_second(ended),
            success_ratio: ratio(completed, ended),
            attempts: self.count("taskward_attempts_total", &[]).map(whole),
            retries: self.count("taskward_task_retries_total", &[("by", "policy")]).map(whole),
            duration_mean_seconds: worked.as_ref().map(|worked| worked.mean()),
            duration_p95_seconds: worked.as_ref().map(|worked| worked.quantile(0.95)),
            wait_p95_seconds: self.quantile(0.95, "taskward_task_wait_seconds", &[]),
            in_flight: self.history.latest("taskward_queue_tasks", &[("state", "running")]).map(whole),
            oldest_ready_age_seconds: oldest.into_iter().map(|(_, age)| age).reduce(f64::max),
        }
    }

    /// The service has no cache yet; whatever counts look-ups in one is found here.
    fn cache(&self) -> CacheFigures {
        let counted = |result| {
            self.history.increase("taskward_cache_lookups_total", &[("result", result)], self.window)
        };
        let lookups = counted("hit").zip(counted("miss")).map(|(hits, misses)| hits + misses);
        CacheFigures { lookups: lookups.map(whole), hit_ratio: ratio(counted("hit"), lookups) }
    }

    fn system(&self) -> SystemFigures {
        const CPU: &str = "taskward_host_cpu_seconds_total";
        let latest = |name| self.history.latest(name, &[]);
        let total = self.history.increase(CPU, &[], self.window);
        let waits_for_work =
            ["idle", "iowait"].map(|mode| self.history.increase(CPU, &[("mode", mode)], self.window));
        let unused = waits_for_work.into_iter().flatten().reduce(|a, b| a + b);
        let limit = latest("taskward_cgroup_memory_limit_bytes");
        let of_limit = ratio(latest("taskward_cgroup_memory_used_bytes"), limit);
        let of_machine =
            used(latest("taskward_host_memory_available_bytes"), latest("taskward_host_memory_size_bytes"));
        let in_use = self.history.latest("taskward_store_pool_connections", &[("state", "in_use")]);
        let waited = self.increase("taskward_store_pool_wait_seconds_total");
        SystemFigures {
            process_cpus: self.per_second(self.increase("process_cpu_seconds_total")),
            process_memory_bytes: latest("process_resident_memory_bytes").map(whole),
            open_fds: latest("process_open_fds").map(whole),
            max_fds: latest("process_max_fds").map(whole),
            cpu_ratio: ratio(unused, total).map(|unused| 1.0 - unused),
            memory_ratio: of_limit.or(of_machine),
            cpu_pressure_ratio: self.pressure("cpu"),
            memory_pressure_ratio: self.pressure("memory"),
            io_pressure_ratio: self.pressure("io"),
            disk_bytes_per_second: self.per_second(self.increase("taskward_host_disk_bytes_total")),
            network_bytes_per_second: self.per_second(self.increase("taskward_host_network_bytes_total")),
            data_disk_ratio: self.disk("taskward_disk_available_bytes", "taskward_disk_size_bytes", "data"),
            data_inodes_ratio: self.disk("taskward_disk_inodes_available", "taskward_disk_inodes", "data"),
            log_disk_ratio: self.disk("taskward_disk_available_bytes", "taskward_disk_size_bytes", "log"),
            log_inodes_ratio: self.disk("taskward_disk_inodes_available", "taskward_disk_inodes", "log"),
            pool_ratio: ratio(in_use, latest("taskward_store_pool_connections_max")),
            pool_wait_mean_seconds: ratio(waited, self.increase("taskward_store_pool_acquired_total")),
        }
    }

    fn increase(&self, name: &str) -> Option<f64> {
        self.history.increase(name, &[], self.window)
    }

    /// How often something happened that is counted from its first time on: never is nought, as soon as there
    /// are samples at all.
    fn count(&self, name: &str, labels: Labels<'_>) -> Option<f64> {
        self.history.span(self.window)?;
        Some(self.history.increase(name, labels, self.window).unwrap_or(0.0))
    }

    fn per_second(&self, count: Option<f64>) -> Option<f64> {
        Some(count? / self.history.span(self.window)?.as_secs_f64())
    }

    fn quantile(&self, q: f64, name: &str, labels: Labels<'_>) -> Option<f64> {
        self.history.quantile(q, name, labels, self.window)
    }

    /// The share of the time in which something waited.
    fn pressure(&self, resource: &str) -> Option<f64> {
        let labels = [("resource", resource), ("share", "some")];
        let waited = self.history.increase("taskward_host_pressure_seconds_total", &labels, self.window);
        self.per_second(waited).map(|share| share.min(1.0))
    }

    fn disk(&self, available: &str, size: &str, directory: &str) -> Option<f64> {
        let latest = |name| self.history.latest(name, &[("directory", directory)]);
        used(latest(available), latest(size))
    }
}

/// A part of a whole, where there is one.
fn ratio(part: Option<f64>, whole: Option<f64>) -> Option<f64> {
    let (part, whole) = part.zip(whole).filter(|(_, whole)| *whole > 0.0)?;
    Some(part / whole)
}

/// The share that is not available.
fn used(available: Option<f64>, size: Option<f64>) -> Option<f64> {
    ratio(available, size).map(|available| 1.0 - available)
}

/// A count is never negative, and below what a float counts exactly.
fn whole(count: f64) -> u64 {
    count.max(0.0) as u64
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;
    use crate::telemetry::metrics::{Kind, Sample, Samples, Value, metric};

    const WINDOW: Duration = Duration::from_secs(300);

    /// So many observations of 2 s.
    fn two_seconds(samples: &mut Samples, name: &str, labels: &[(&'static str, &str)], count: u64) {
        let metric = metric(name).expect("described");
        let Kind::Histogram(bounds) = metric.kind else { panic!("a histogram") };
        let mut counts = vec![0; bounds.len() + 1];
        counts[bounds.partition_point(|bound| *bound < 2.0)] = count;
        let labels = labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        samples.push(Sample { metric, labels, value: Value::Buckets { counts, sum: 2.0 * count as f64 } });
    }

    fn after(seconds: u64, fill: impl FnOnce(&mut Samples)) -> MetricsSummary {
        let start = Instant::now();
        let history = History::new(start);
        let mut samples = Samples::default();
        fill(&mut samples);
        history.record(samples.as_slice(), start + Duration::from_secs(seconds));
        of(&history, WINDOW)
    }

    #[test]
    fn without_samples_nothing_is_known() {
        let summary = of(&History::new(Instant::now()), WINDOW);
        assert_eq!(summary.covered_seconds, None);
        assert_eq!(summary.requests, RequestFigures::default());
        assert_eq!(summary.tasks, TaskFigures::default());
        assert_eq!(summary.system, SystemFigures::default());
    }

    #[test]
    fn a_quiet_service_answers_none_a_second_and_has_no_ratios() {
        let summary = after(10, |samples| samples.add("process_open_fds", &[], 5.0));
        let requests = summary.requests;
        assert_eq!((requests.answered, requests.per_second), (Some(0), Some(0.0)));
        assert_eq!(
            (requests.latency_p95_seconds, requests.error_ratio, requests.availability),
            (None, None, None)
        );
        let tasks = summary.tasks;
        assert_eq!((tasks.completed, tasks.attempts, tasks.success_ratio), (Some(0), Some(0), None));
        assert_eq!((tasks.duration_mean_seconds, tasks.in_flight), (None, None));
        assert_eq!(summary.cache, CacheFigures::default());
        assert_eq!((summary.system.open_fds, summary.system.max_fds), (Some(5), None));
    }

    #[test]
    fn requests_and_tasks_are_summed_up() {
        let summary = after(10, |samples| {
            for (status, count) in [("200", 90), ("503", 6), ("500", 4)] {
                let labels = [("method", "GET"), ("route", "/r"), ("status", status)];
                two_seconds(samples, "taskward_http_request_duration_seconds", &labels, count);
            }
            for (state, count) in [("completed", 30.0), ("dead", 10.0), ("cancelled", 60.0)] {
                samples.add("taskward_tasks_finished_total", &[("queue", "q"), ("state", state)], count);
            }
            for (outcome, count) in [("completed", 30), ("failed", 10), ("released", 60)] {
                let labels = [("queue", "q"), ("outcome", outcome)];
                two_seconds(samples, "taskward_attempt_duration_seconds", &labels, count);
            }
            for (queue, age, running) in [("q", 3.0, 1.0), ("r", 9.0, 2.0)] {
                samples.add("taskward_queue_oldest_ready_age_seconds", &[("queue", queue)], age);
                samples.add("taskward_queue_tasks", &[("queue", queue), ("state", "running")], running);
            }
        });
        let requests = summary.requests;
        assert_eq!((requests.answered, requests.per_second), (Some(100), Some(10.0)));
        assert_eq!((requests.latency_p50_seconds, requests.error_ratio), (Some(1.5), Some(0.1)));
        assert_eq!(requests.availability, Some(0.9));
        let tasks = summary.tasks;
        assert_eq!((tasks.success_ratio, tasks.per_second), (Some(0.75), Some(4.0)));
        assert_eq!((tasks.duration_mean_seconds, tasks.duration_p95_seconds), (Some(2.0), Some(1.95)));
        assert_eq!((tasks.in_flight, tasks.oldest_ready_age_seconds), (Some(3), Some(9.0)));
    }

    #[test]
    fn the_system_is_judged_by_the_tighter_limit() {
        let summary = after(10, |samples| {
            samples.add("taskward_host_memory_size_bytes", &[], 100.0);
            samples.add("taskward_host_memory_available_bytes", &[], 90.0);
            samples.add("taskward_disk_size_bytes", &[("directory", "data")], 10.0);
            samples.add("taskward_disk_available_bytes", &[("directory", "data")], 1.0);
            samples.add("process_cpu_seconds_total", &[], 5.0);
        });
        let system = &summary.system;
        assert!(system.memory_ratio.is_some_and(|used| (used - 0.1).abs() < 1e-9), "{system:?}");
        assert_eq!((system.data_disk_ratio, system.log_disk_ratio), (Some(0.9), None));
        assert_eq!((system.process_cpus, system.cpu_ratio), (Some(0.5), None));
        let limited = after(10, |samples| {
            samples.add("taskward_host_memory_size_bytes", &[], 100.0);
            samples.add("taskward_host_memory_available_bytes", &[], 90.0);
            samples.add("taskward_cgroup_memory_limit_bytes", &[], 10.0);
            samples.add("taskward_cgroup_memory_used_bytes", &[], 8.0);
        });
        assert_eq!(limited.system.memory_ratio, Some(0.8));
    }
}
