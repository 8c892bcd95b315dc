//! Figures, for people.

use taskward_client::{CacheFigures, MetricsSummary, RequestFigures, SystemFigures, TaskFigures};
use taskward_ops::monitoring::Group;

use crate::table::pairs;

/// The groups, one below the other.
pub(super) fn of(summary: &MetricsSummary, groups: &[Group]) -> String {
    let covered = seconds(summary.covered_seconds);
    let head = format!("the last {}, of which samples cover {covered}", summary.window);
    let groups = groups.iter().map(|group| {
        let figures = match group {
            Group::Requests => pairs(requests(&summary.requests)),
            Group::Tasks => pairs(tasks(&summary.tasks)),
            Group::System => pairs(system(&summary.system)),
            Group::Cache => pairs(cache(&summary.cache)),
        };
        format!("{}\n{figures}", group.name().to_uppercase())
    });
    [head].into_iter().chain(groups).collect::<Vec<_>>().join("\n\n")
}

type Figures = Vec<(&'static str, String)>;

fn requests(figures: &RequestFigures) -> Figures {
    vec![
        ("answered", count(figures.answered)),
        ("per second", rate(figures.per_second)),
        ("p50", seconds(figures.latency_p50_seconds)),
        ("p95", seconds(figures.latency_p95_seconds)),
        ("p99", seconds(figures.latency_p99_seconds)),
        ("5xx", percent(figures.error_ratio)),
        ("availability", percent(figures.availability)),
    ]
}

fn tasks(figures: &TaskFigures) -> Figures {
    vec![
        ("completed", count(figures.completed)),
        ("dead", count(figures.dead)),
        ("per second", rate(figures.per_second)),
        ("success", percent(figures.success_ratio)),
        ("attempts", count(figures.attempts)),
        ("retries", count(figures.retries)),
        ("processing, mean", seconds(figures.duration_mean_seconds)),
        ("processing, p95", seconds(figures.duration_p95_seconds)),
        ("wait, p95", seconds(figures.wait_p95_seconds)),
        ("in flight", count(figures.in_flight)),
        ("oldest ready", seconds(figures.oldest_ready_age_seconds)),
    ]
}

fn cache(figures: &CacheFigures) -> Figures {
    vec![("look-ups", count(figures.lookups)), ("hits", percent(figures.hit_ratio))]
}

fn system(figures: &SystemFigures) -> Figures {
    vec![
        ("process, processors", rate(figures.process_cpus)),
        ("process, memory", bytes(figures.process_memory_bytes.map(|bytes| bytes as f64), "")),
        ("open files", of_most(figures.open_fds, figures.max_fds)),
        ("processors", percent(figures.cpu_ratio)),
        ("memory", percent(figures.memory_ratio)),
        ("waits for processors", percent(figures.cpu_pressure_ratio)),
        ("waits for memory", percent(figures.memory_pressure_ratio)),
        ("waits for disks", percent(figures.io_pressure_ratio)),
        ("disks", bytes(figures.disk_bytes_per_second, "/s")),
        ("network", bytes(figures.network_bytes_per_second, "/s")),
        ("data, space", percent(figures.data_disk_ratio)),
        ("data, inodes", percent(figures.data_inodes_ratio)),
        ("log, space", percent(figures.log_disk_ratio)),
        ("log, inodes", percent(figures.log_inodes_ratio)),
        ("connections", percent(figures.pool_ratio)),
        ("waits for connections", seconds(figures.pool_wait_mean_seconds)),
    ]
}

/// What is said of a figure that nobody has measured.
const NO_DATA: &str = "no data";

fn said<T>(value: Option<T>, say: impl FnOnce(T) -> String) -> String {
    value.map_or_else(|| NO_DATA.to_owned(), say)
}

fn count(value: Option<u64>) -> String {
    said(value, |value| value.to_string())
}

fn of_most(value: Option<u64>, most: Option<u64>) -> String {
    said(value, |value| most.map_or_else(|| value.to_string(), |most| format!("{value} of {most}")))
}

fn rate(value: Option<f64>) -> String {
    said(value, |value| format!("{value:.2}"))
}

fn percent(value: Option<f64>) -> String {
    said(value, |value| format!("{:.2} %", value * 100.0))
}

fn seconds(value: Option<f64>) -> String {
    said(
        value,
        |value| if value < 1.0 { format!("{:.1} ms", value * 1000.0) } else { format!("{value:.1} s") },
    )
}

fn bytes(value: Option<f64>, per: &str) -> String {
    const KIB: f64 = 1024.0;
    said(value, |value| {
        let mut value = value;
        for unit in ["B", "KiB", "MiB"] {
            if value < KIB {
                return format!("{value:.1} {unit}{per}");
            }
            value /= KIB;
        }
        format!("{value:.1} GiB{per}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_units_and_nothing_is_not_nought() {
        assert_eq!(seconds(Some(0.0042)), "4.2 ms");
        assert_eq!(seconds(Some(12.0)), "12.0 s");
        assert_eq!(percent(Some(0.99955)), "99.95 %");
        assert_eq!(bytes(Some(3.0 * 1024.0 * 1024.0), "/s"), "3.0 MiB/s");
        assert_eq!(bytes(Some(2048.0 * 1024.0 * 1024.0), ""), "2.0 GiB");
        assert_eq!(of_most(Some(3), Some(10)), "3 of 10");
        assert_eq!((count(Some(0)), rate(Some(0.0))), ("0".to_owned(), "0.00".to_owned()));
        for nothing in
            [count(None), rate(None), percent(None), seconds(None), bytes(None, ""), of_most(None, Some(1))]
        {
            assert_eq!(nothing, NO_DATA);
        }
    }
}
