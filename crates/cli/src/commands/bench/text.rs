//! A report for people.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount};
use taskward_ops::scaling::bench::{Balance, BenchReport, ScenarioResult, Stage};

use crate::table::{pairs, table};

/// What stands for a number that is not known.
const ABSENT: &str = "–";

/// The line of progress.
pub(super) fn stage(stage: &Stage, done: u64, elapsed: Duration) -> String {
    if stage.name.is_empty() {
        return "starting".to_owned();
    }
    let of = stage.total.map(|total| format!("/{}", HumanCount(total))).unwrap_or_default();
    let rate = as_f64(done) / elapsed.as_secs_f64().max(0.001);
    format!(
        "round {} {}: {}{of} tasks, {}/s, {}s",
        stage.round,
        stage.name,
        HumanCount(done),
        whole(rate),
        elapsed.as_secs()
    )
}

/// All of it.
pub(super) fn report(report: &BenchReport) -> String {
    let mut parts = vec![facts(report), rates(report)];
    if report.settings.rounds > 1 {
        parts.push(summary(report));
    }
    if report.results.iter().any(|result| !result.latencies.is_empty()) {
        parts.push(latencies(report));
    }
    parts.push(balance(&report.balance));
    parts.extend(report.notes.iter().map(|note| format!("note: {note}")));
    parts.join("\n\n")
}

fn facts(report: &BenchReport) -> String {
    let (service, machine, settings) = (&report.service, &report.machine, &report.settings);
    let durability = service.durability.as_ref().map(|set| format!(" ({set})")).unwrap_or_default();
    let kind = match (service.embedded, service.database) {
        (true, Some(database)) => format!(", started for this run on {database}{durability}"),
        (_, Some(database)) => format!(", on {database}{durability}"),
        (_, None) => String::new(),
    };
    let cores = machine.cores.map_or_else(|| ABSENT.to_owned(), |cores| cores.to_string());
    let shared = if machine.shared_with_service { ", shared with the service" } else { "" };
    pairs([
        ("service", format!("{} {} ({}){kind}", service.url, service.version, service.env)),
        ("machine", format!("{cores} cores{shared}, {}", machine.processor.as_deref().unwrap_or(ABSENT))),
        (
            "settings",
            format!(
                "payload {} B, in flight {}, batches of {} × {}, workers {} × {}, rate {}/s",
                settings.payload_bytes,
                settings.in_flight,
                settings.batch,
                settings.batches_in_flight,
                settings.workers,
                settings.concurrency,
                settings.rate
            ),
        ),
    ])
}

/// The cells of a row, with the round where there are several.
fn cells(result: &ScenarioResult, several: bool, rest: impl IntoIterator<Item = String>) -> Vec<String> {
    let round = several.then(|| result.round.to_string());
    [result.scenario.name().to_owned()].into_iter().chain(round).chain(rest).collect()
}

fn header(several: bool, rest: &[&'static str]) -> Vec<&'static str> {
    ["scenario"].into_iter().chain(several.then_some("round")).chain(rest.iter().copied()).collect()
}

fn rates(report: &BenchReport) -> String {
    let several = report.settings.rounds > 1;
    let rows = report.results.iter().map(|result| cells(result, several, rate(result)));
    let header = header(
        several,
        &["tasks", "seconds", "tasks/s", "SQL/task", "WAL B/task", "RSS max", "service CPU", "load CPU"],
    );
    table(&header, rows)
}

fn rate(result: &ScenarioResult) -> [String; 8] {
    let spent = &result.spent;
    let absent = || ABSENT.to_owned();
    [
        HumanCount(result.tasks).to_string(),
        format!("{:.2}", result.seconds),
        whole(result.tasks_per_second),
        spent.statements_per_task.map_or_else(absent, |statements| format!("{statements:.3}")),
        spent.wal_bytes_per_task.map_or_else(absent, whole),
        spent.rss_bytes_max.map_or_else(absent, |bytes| HumanBytes(bytes).to_string()),
        spent.service_cores.map_or_else(absent, |cores| format!("{cores:.2}")),
        spent.load_cores.map_or_else(absent, |cores| format!("{cores:.2}")),
    ]
}

fn summary(report: &BenchReport) -> String {
    let rows = report.summary.iter().map(|summary| {
        let spread = summary.tasks_per_second;
        vec![summary.scenario.name().to_owned(), whole(spread.median), whole(spread.min), whole(spread.max)]
    });
    table(&["tasks/s", "median", "min", "max"], rows)
}

fn latencies(report: &BenchReport) -> String {
    let several = report.settings.rounds > 1;
    let measured = report.results.iter().flat_map(|result| result.latencies.iter().map(move |l| (result, l)));
    let rows = measured.map(|(result, latency)| {
        let at = &latency.percentiles;
        let percentiles = [at.p50_ms, at.p90_ms, at.p99_ms, at.p999_ms, at.max_ms];
        let percentiles = percentiles.map(|ms| format!("{ms:.2}"));
        cells(result, several, [latency.of.to_owned()].into_iter().chain(percentiles))
    });
    table(&header(several, &["milliseconds", "p50", "p90", "p99", "p99.9", "max"]), rows)
}

/// The books, in a line.
pub(super) fn balance(balance: &Balance) -> String {
    let mut text = format!(
        "{} added and acknowledged, {} in the service; {} completed and acknowledged, {} in the service; {} left",
        balance.added_acknowledged,
        balance.added_by_service,
        balance.completed_acknowledged,
        balance.completed_by_service,
        balance.left
    );
    if balance.added_unanswered > 0 {
        text.push_str(&format!("; {} more may have been added", balance.added_unanswered));
    }
    if balance.dead > 0 {
        text.push_str(&format!("; {} dead", balance.dead));
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

/// A rate without the decimals that nobody reads.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is not negative, and a float saturates when it is cast"
)]
fn whole(rate: f64) -> String {
    HumanCount(rate.round() as u64).to_string()
}
