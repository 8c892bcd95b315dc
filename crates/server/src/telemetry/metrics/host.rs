//! The machine around the process: how busy it is, and what waits for what.

use std::collections::BTreeMap;
use std::path::Path;

use super::description::Metric;
use super::proc::{self, MICROS, named, read, seconds};
use super::sample::Samples;

pub(super) const METRICS: &[Metric] = &[
    Metric::gauge("taskward_host_cpus", &[], "Processors of the machine").shown_where(READABLE),
    Metric::counter(
        "taskward_host_cpu_seconds_total",
        &["mode"],
        "CPU time of the machine: user, system, iowait, steal or idle",
    )
    .shown_where(READABLE),
    Metric::gauge("taskward_host_memory_size_bytes", &[], "Memory of the machine").shown_where(READABLE),
    Metric::gauge("taskward_host_memory_available_bytes", &[], "Memory that is left without swapping")
        .shown_where(READABLE),
    Metric::counter(
        "taskward_host_disk_bytes_total",
        &["device", "direction"],
        "Bytes read from and written to the machine's disks: read or written",
    )
    .shown_where("the disk was used"),
    Metric::counter(
        "taskward_host_network_bytes_total",
        &["device", "direction"],
        "Bytes received and sent by the machine's network devices, the loopback apart: received or sent",
    )
    .shown_where("the device was used"),
    Metric::counter(
        "taskward_host_pressure_seconds_total",
        &["resource", "share"],
        "How long some, or all (full), of what would run waited for cpu, io or memory",
    )
    .shown_where("the kernel accounts for it (PSI)"),
];

const READABLE: &str = "`/proc` can be read";
/// Devices with a label of their own; further ones share `other`.
const DEVICES_MAX: usize = 16;
const OTHER: &str = "other";
/// The unit of `/proc/diskstats`, whatever the disk's own.
const SECTOR_BYTES: f64 = 512.0;

/// Reads what is known about the machine.
pub(super) fn sample(samples: &mut Samples) {
    if let Some(stat) = read("/proc/stat") {
        processors(samples, &stat);
    }
    if let Some(memory) = read("/proc/meminfo") {
        let bytes = |name| named(&memory, name).map(|kibibytes| kibibytes * 1024.0);
        samples.add_known("taskward_host_memory_size_bytes", &[], bytes("MemTotal"));
        samples.add_known("taskward_host_memory_available_bytes", &[], bytes("MemAvailable"));
    }
    let traffic =
        read("/proc/diskstats").map(|text| disks(&text, |name| Path::new("/sys/block").join(name).exists()));
    add_traffic(samples, "taskward_host_disk_bytes_total", ["read", "written"], traffic);
    let traffic = read("/proc/net/dev").map(|text| network(&text));
    add_traffic(samples, "taskward_host_network_bytes_total", ["received", "sent"], traffic);
    for resource in ["cpu", "io", "memory"] {
        let Some(text) = read(format!("/proc/pressure/{resource}")) else { continue };
        for (share, waited) in pressure(&text) {
            let labels = [("resource", resource), ("share", share)];
            samples.add("taskward_host_pressure_seconds_total", &labels, waited);
        }
    }
}

fn processors(samples: &mut Samples, stat: &str) {
    let is_one = |line: &&str| {
        line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    samples.add("taskward_host_cpus", &[], stat.lines().filter(is_one).count() as f64);
    let all = stat.lines().find_map(|line| line.strip_prefix("cpu ")).unwrap_or_default();
    let ticks: Vec<f64> = all.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal; guests are in user already.
    let [user, nice, system, idle, iowait, irq, softirq, steal, ..] = ticks[..] else { return };
    for (mode, ticks) in [
        ("user", user + nice),
        ("system", system + irq + softirq),
        ("iowait", iowait),
        ("steal", steal),
        ("idle", idle),
    ] {
        samples.add("taskward_host_cpu_seconds_total", &[("mode", mode)], seconds(ticks));
    }
}

/// Two directions of each device.
type Traffic = BTreeMap<String, [f64; 2]>;

fn add_traffic(samples: &mut Samples, name: &str, directions: [&str; 2], traffic: Option<Traffic>) {
    for (device, bytes) in traffic.iter().flatten() {
        for (direction, bytes) in directions.iter().zip(bytes) {
            samples.add(name, &[("device", device), ("direction", direction)], *bytes);
        }
    }
}

/// Adds a device that was used.
fn note(traffic: &mut Traffic, device: &str, bytes: [f64; 2]) {
    if bytes == [0.0, 0.0] {
        return;
    }
    let name = if traffic.len() < DEVICES_MAX { device } else { OTHER };
    let sums = traffic.entry(name.to_owned()).or_default();
    sums[0] += bytes[0];
    sums[1] += bytes[1];
}

/// Whole disks. Partitions, and what is put together from disks, would count the same bytes again.
fn disks(text: &str, is_disk: impl Fn(&str) -> bool) -> Traffic {
    let mut traffic = Traffic::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [_, _, name, _, _, read, _, _, _, written, ..] = fields[..] else { continue };
        let made_of_others = ["loop", "ram", "zram", "dm-", "md"].iter().any(|kind| name.starts_with(kind));
        if made_of_others || !is_disk(name) {
            continue;
        }
        if let (Ok(read), Ok(written)) = (read.parse::<f64>(), written.parse::<f64>()) {
            note(&mut traffic, name, [read * SECTOR_BYTES, written * SECTOR_BYTES]);
        }
    }
    traffic
}

fn network(text: &str) -> Traffic {
    let mut traffic = Traffic::new();
    for line in text.lines() {
        let Some((name, counters)) = line.split_once(':') else { continue };
        let counters: Vec<f64> = counters.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [received, _, _, _, _, _, _, _, sent, ..] = counters[..] else { continue };
        if name.trim() != "lo" {
            note(&mut traffic, name.trim(), [received, sent]);
        }
    }
    traffic
}

/// `some avg10=0.00 avg60=0.00 avg300=0.00 total=123`, in microseconds; old kernels have no `full` for the CPU.
fn pressure(text: &str) -> Vec<(&'static str, f64)> {
    let total = |share: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(share)?.strip_prefix(' '))?;
        proc::number(line.split_once("total=")?.1).map(|micros| micros / MICROS)
    };
    ["some", "full"].into_iter().filter_map(|share| Some((share, total(share)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_disks_that_were_used_are_counted() {
        let text = "   8       0 sda 10 0 8 5 20 0 16 5 0 5 10\n   8       1 sda1 10 0 8 5 20 0 16 5 0 5 10\n\
                    \x20  8      16 sdb 0 0 0 0 0 0 0 0 0 0 0\n 253       0 dm-0 10 0 8 5 20 0 16 5 0 5 10\n";
        let found = disks(text, |name| name != "sda1");
        assert_eq!(found, Traffic::from([("sda".to_owned(), [4096.0, 8192.0])]));
    }

    #[test]
    fn the_loopback_is_no_network() {
        let text = "Inter-|   Receive  |  Transmit\n face |bytes packets|bytes\n    lo: 9 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n\
                    \x20 eth0:100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n";
        assert_eq!(network(text), Traffic::from([("eth0".to_owned(), [100.0, 200.0])]));
    }

    #[test]
    fn devices_beyond_the_bound_share_a_label() {
        let mut traffic = Traffic::new();
        for device in 0..30 {
            note(&mut traffic, &format!("d{device:02}"), [1.0, 2.0]);
        }
        assert_eq!(traffic.len(), DEVICES_MAX + 1);
        assert_eq!(traffic[OTHER], [14.0, 28.0]);
    }

    #[test]
    fn pressure_is_what_the_kernel_tells() {
        let both = "some avg10=25.17 avg60=26.58 avg300=18.83 total=10500000\nfull avg10=0 avg60=0 avg300=0 total=0\n";
        assert_eq!(pressure(both), [("some", 10.5), ("full", 0.0)]);
        assert_eq!(pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=2000000\n"), [("some", 2.0)]);
        assert!(pressure("nonsense").is_empty());
    }

    #[test]
    fn processors_and_their_time_are_read() {
        let mut samples = Samples::default();
        processors(&mut samples, "cpu  100 0 50 800 10 5 5 30 0 0\ncpu0 1 2\ncpu1 1 2\nintr 5\nbtime 7\n");
        assert_eq!(samples.as_slice().len(), 6);
        let mut cut = Samples::default();
        processors(&mut cut, "cpu  100 0\n");
        assert_eq!(cut.as_slice().len(), 1);
    }
}
