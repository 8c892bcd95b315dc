//! This process, under the names that Prometheus's clients use.

use super::description::Metric;
use super::proc::{self, named, read, seconds};
use super::sample::Samples;

pub(super) const METRICS: &[Metric] = &[
    Metric::counter("process_cpu_seconds_total", &[], "User and system CPU time spent").shown_where(READABLE),
    Metric::gauge("process_resident_memory_bytes", &[], "Resident memory").shown_where(READABLE),
    Metric::gauge("process_virtual_memory_bytes", &[], "Virtual memory").shown_where(READABLE),
    Metric::gauge("process_threads", &[], "Threads").shown_where(READABLE),
    Metric::gauge("process_start_time_seconds", &[], "When the process began, since the Unix epoch")
        .shown_where(READABLE),
    Metric::gauge("process_open_fds", &[], "Open file descriptors").shown_where(READABLE),
    Metric::gauge("process_max_fds", &[], "File descriptors the process may open").shown_where(READABLE),
    Metric::counter("process_disk_read_bytes_total", &[], "Bytes the process had read from disks")
        .shown_where(READABLE),
    Metric::counter("process_disk_written_bytes_total", &[], "Bytes the process had written to disks")
        .shown_where(READABLE),
];

const READABLE: &str = "`/proc/self` can be read";

/// What `/proc/self/stat` says.
#[derive(Debug, PartialEq)]
struct Stat {
    cpu_ticks: f64,
    threads: f64,
    started_ticks: f64,
    virtual_bytes: f64,
    resident_pages: f64,
}

/// Reads what is known about this process.
pub(super) fn sample(samples: &mut Samples) {
    if let Some(stat) = read("/proc/self/stat").as_deref().and_then(parse) {
        let resident = stat.resident_pages * rustix::param::page_size() as f64;
        samples.add("process_cpu_seconds_total", &[], seconds(stat.cpu_ticks));
        samples.add("process_resident_memory_bytes", &[], resident);
        samples.add("process_virtual_memory_bytes", &[], stat.virtual_bytes);
        samples.add("process_threads", &[], stat.threads);
        let booted = read("/proc/stat").and_then(|text| named(&text, "btime"));
        let started = booted.map(|booted| booted + seconds(stat.started_ticks));
        samples.add_known("process_start_time_seconds", &[], started);
    }
    let open = std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1));
    samples.add_known("process_open_fds", &[], open.map(|open| open as f64));
    let limits = read("/proc/self/limits");
    let most = limits.and_then(|limits| proc::number(limits.split_once("Max open files")?.1));
    samples.add_known("process_max_fds", &[], most);
    if let Some(io) = read("/proc/self/io") {
        samples.add_known("process_disk_read_bytes_total", &[], named(&io, "read_bytes"));
        samples.add_known("process_disk_written_bytes_total", &[], named(&io, "write_bytes"));
    }
}

/// The fields of `proc_pid_stat(5)`. The name, in parentheses, may hold anything.
fn parse(text: &str) -> Option<Stat> {
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    // The first of these is the third of the manual page.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    Some(Stat {
        cpu_ticks: field(14)? + field(15)?,
        threads: field(20)?,
        started_ticks: field(22)?,
        virtual_bytes: field(23)?,
        resident_pages: field(24)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_counted_after_a_name_that_may_hold_anything() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194304 100 0 0 0 150 50 0 0 20 0 9 0 1234 5678 90 18446744073709551615 1";
        let expected = Stat {
            cpu_ticks: 200.0,
            threads: 9.0,
            started_ticks: 1234.0,
            virtual_bytes: 5678.0,
            resident_pages: 90.0,
        };
        assert_eq!(parse(text), Some(expected));
        assert_eq!(parse("42 (cut"), None);
        assert_eq!(parse("42 (cut) S 1 2"), None);
    }

    #[test]
    fn this_process_is_known() {
        let mut samples = Samples::default();
        sample(&mut samples);
        let value = |name| {
            let found = samples.as_slice().iter().find(|sample| sample.metric.name == name);
            match found.map(|sample| &sample.value) {
                Some(super::super::Value::Number(value)) => *value,
                other => panic!("{name}: {other:?}"),
            }
        };
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") >= 3.0 && value("process_threads") >= 1.0);
    }
}
