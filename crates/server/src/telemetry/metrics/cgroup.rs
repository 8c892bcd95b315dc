//! The control group the process lives in (version 2): what it may use, and what that has cost.

use std::path::{Path, PathBuf};

use super::description::Metric;
use super::proc::{MICROS, named, number, read};
use super::sample::Samples;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge(
        "taskward_cgroup_memory_limit_bytes",
        &[],
        "Memory the process and its neighbours in the group may use; the tightest limit of all groups around it",
    )
    .shown_where("there is a limit"),
    Metric::gauge("taskward_cgroup_memory_used_bytes", &[], "Memory the group uses, caches included")
        .shown_where(KNOWN),
    Metric::counter("taskward_cgroup_oom_kills_total", &[], "Processes of the group that were killed for want of memory")
        .shown_where(KNOWN),
    Metric::gauge(
        "taskward_cgroup_cpu_limit_cpus",
        &[],
        "Processors the group may keep busy; the tightest limit of all groups around it",
    )
    .shown_where("there is a limit"),
    Metric::counter("taskward_cgroup_cpu_throttled_seconds_total", &[], "How long the group was kept from running by its limit")
        .shown_where(KNOWN),
];

const KNOWN: &str = "the process is in a version 2 group with that controller";
const ROOT: &str = "/sys/fs/cgroup";

/// Reads what is known about the group.
pub(super) fn sample(samples: &mut Samples) {
    let own = read("/proc/self/cgroup");
    if let Some(path) = own.as_deref().and_then(own_path) {
        group(samples, Path::new(ROOT), path);
    }
}

/// The path of the version 2 group: `0::/system.slice/app-example.service`.
fn own_path(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix("0::"))
}

fn group(samples: &mut Samples, root: &Path, path: &str) {
    let own = root.join(path.trim_start_matches('/'));
    samples.add_known(
        "taskward_cgroup_memory_limit_bytes",
        &[],
        tightest(root, &own, |group| number(&read(group.join("memory.max"))?)),
    );
    samples.add_known(
        "taskward_cgroup_cpu_limit_cpus",
        &[],
        tightest(root, &own, |group| cpus(&read(group.join("cpu.max"))?)),
    );
    let used = read(own.join("memory.current")).and_then(|text| number(&text));
    samples.add_known("taskward_cgroup_memory_used_bytes", &[], used);
    let kills = read(own.join("memory.events")).and_then(|text| named(&text, "oom_kill"));
    samples.add_known("taskward_cgroup_oom_kills_total", &[], kills);
    let throttled = read(own.join("cpu.stat")).and_then(|text| named(&text, "throttled_usec"));
    let throttled = throttled.map(|micros| micros / MICROS);
    samples.add_known("taskward_cgroup_cpu_throttled_seconds_total", &[], throttled);
}

/// The least limit of a group and those around it; a group without one says `max`.
fn tightest(root: &Path, own: &Path, limit: impl Fn(PathBuf) -> Option<f64>) -> Option<f64> {
    let around = own.ancestors().take_while(|group| group.starts_with(root));
    around.filter_map(|group| limit(group.to_owned())).reduce(f64::min)
}

/// `200000 100000`: so many microseconds in every so many.
fn cpus(text: &str) -> Option<f64> {
    let (quota, period) = text.trim().split_once(' ')?;
    Some(quota.parse::<f64>().ok()? / period.parse::<f64>().ok()?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Value;
    use super::*;

    #[test]
    fn the_tightest_limit_around_the_group_holds() {
        let root = tempfile::tempdir().expect("a directory");
        let own = root.path().join("a/b");
        fs::create_dir_all(&own).expect("made");
        for (file, text) in [
            ("a/memory.max", "1000\n"),
            ("a/b/memory.max", "max\n"),
            ("a/b/memory.current", "600\n"),
            ("a/b/memory.events", "low 0\noom 3\noom_kill 2\n"),
            ("a/cpu.max", "max 100000\n"),
            ("a/b/cpu.max", "150000 100000\n"),
            ("a/b/cpu.stat", "usage_usec 5\nthrottled_usec 2500000\n"),
        ] {
            fs::write(root.path().join(file), text).expect("written");
        }
        let mut samples = Samples::default();
        group(&mut samples, root.path(), own_path("1:cpu:/x\n0::/a/b\n").expect("a path"));
        let read: Vec<_> = samples.as_slice().iter().map(|s| (s.metric.name, s.value.clone())).collect();
        let expected = [
            ("taskward_cgroup_memory_limit_bytes", 1000.0),
            ("taskward_cgroup_cpu_limit_cpus", 1.5),
            ("taskward_cgroup_memory_used_bytes", 600.0),
            ("taskward_cgroup_oom_kills_total", 2.0),
            ("taskward_cgroup_cpu_throttled_seconds_total", 2.5),
        ];
        assert_eq!(read, expected.map(|(name, value)| (name, Value::Number(value))));
    }

    #[test]
    fn what_cannot_be_read_is_absent() {
        let root = tempfile::tempdir().expect("a directory");
        let mut samples = Samples::default();
        group(&mut samples, root.path(), "/gone");
        assert!(samples.as_slice().is_empty());
        assert_eq!(own_path("5:memory:/docker\n"), None);
    }
}
