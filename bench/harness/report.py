"""Writes RESULTS.md from the raw records. Nothing here measures anything."""

from harness.stats import ratio, spread

NONE = "–"
RATES = {
    "single": "adds/s, one at a time, 16 in flight",
    "bulk": "adds/s in bulk",
    "drain-1": "drained/s, 1 worker",
    "drain-2": "drained/s, 2 workers",
}

# Which raw limit a scenario is held against: the database work that it cannot do without.
LIMIT_OF = {
    "postgres": {
        "single": "PostgreSQL: insert, one row a commit, 16 connections",
        "bulk": "PostgreSQL: insert 1000 from unnest, 4 connections",
        "drain-1": "PostgreSQL: drain, claim and update 500, 2 connections",
        "drain-2": "PostgreSQL: drain, claim and update 500, 2 connections",
    },
    "sqlite": {
        "single": "SQLite (WAL, FULL): insert, one row a commit",
        "bulk": "SQLite (WAL, FULL): insert, 1000 rows a commit",
    },
}


def rate(value):
    """Three digits are all that the spread leaves meaning to."""
    if value is None:
        return NONE
    if value >= 10_000:
        return f"{value / 1000:.1f}k"
    if value >= 1000:
        return f"{value / 1000:.2f}k"
    return f"{value:.0f}"


def milliseconds(value):
    return NONE if value is None else f"{value:.2f}" if value < 10 else f"{value:.0f}"


def cell(values, show):
    """The median, and the smallest and largest beside it when there are several rounds."""
    found = spread(values)
    if not found:
        return NONE
    median, smallest, largest = found
    if smallest == largest:
        return show(median)
    return f"**{show(median)}** ({show(smallest)}–{show(largest)})"


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


class Records:
    """The raw records of a run: one for each round, subject and scenario."""

    def __init__(self, records):
        self.records = records

    def values(self, subject, scenario, key):
        return [
            record.get(key)
            for record in self.records
            if record["subject"] == subject and record["scenario"] == scenario and record.get(key) is not None
        ]

    def spread(self, subject, scenario, key="rate"):
        return spread(self.values(subject, scenario, key))

    def failures(self):
        """Each different failure once, in the order they happened."""
        seen = {}
        for record in self.records:
            if "error" in record:
                seen.setdefault((record["subject"], record["scenario"], record["error"]), 0)
                seen[record["subject"], record["scenario"], record["error"]] += 1
        return [(*key, count) for key, count in seen.items()]


def peers_table(records, subjects):
    header = ["", "durable per task", *RATES.values(), "added → started p50 ms", "p99 ms", "CPU µs per task drained"]
    rows = []
    for subject in subjects:
        name = subject["name"]
        if subject.get("not_run"):
            rows.append([name, NONE, f"not run: {subject['not_run']}", *[NONE] * 6])
            continue
        latencies = [cell(records.values(name, "latency", key), milliseconds) for key in ("p50_ms", "p99_ms")]
        rates = [cell(records.values(name, scenario, "rate"), rate) for scenario in RATES]
        rows.append([name, "yes" if subject["durable"] else "**no**", *rates, *latencies, cpu(records, name)])
    return table(header, rows)


def cpu(records, name):
    """Worker, service (where there is one between worker and store) and store."""
    parts = {what: records.spread(name, "drain-1", f"{what}_us") for what in ("worker", "service", "store")}
    if not parts["worker"]:
        return NONE
    shown = [f"{what} {found[0]:.0f}" for what, found in parts.items() if found and found[0]]
    return f"{' + '.join(shown)} = **{sum(found[0] for found in parts.values() if found):.0f}**"


def limits_table(records, titles):
    rows = [[title, cell(records.values("raw", title, "rate"), rate)] for title in titles]
    return table(["limit", "per second"], rows)


def best_peer(records, subjects, scenario, key, better):
    """The best durable peer in a scenario, by its median."""
    found = {
        subject["name"]: records.spread(subject["name"], scenario, key)
        for subject in subjects
        if subject["durable"] and not subject["ours"]
    }
    found = {name: values for name, values in found.items() if values}
    return better(found.items(), key=lambda item: item[1][0], default=(None, None))


def ratios_table(records, subjects):
    rows = []
    for subject in subjects:
        if subject["ours"] and not subject.get("not_run"):
            rows += [rate_ratio(records, subjects, subject, scenario) for scenario in RATES]
            rows += [latency_ratio(records, subjects, subject, key) for key in ("p50_ms", "p99_ms")]
    return table(["", "scenario", "best durable peer", "Taskward ÷ best peer", "Taskward ÷ raw limit"], rows)


def times(value):
    return NONE if value is None else f"{value:.2f}×"


def rate_ratio(records, subjects, subject, scenario):
    ours = records.spread(subject["name"], scenario)
    name, theirs = best_peer(records, subjects, scenario, "rate", max)
    limit = LIMIT_OF[subject["store"]].get(scenario)
    raw = records.spread("raw", limit) if limit else None
    return [subject["name"], RATES[scenario], name or NONE, times(ratio(ours, theirs)), times(ratio(ours, raw))]


def latency_ratio(records, subjects, subject, key):
    ours = records.spread(subject["name"], "latency", key)
    name, theirs = best_peer(records, subjects, "latency", key, min)
    label = f"added → started {key[:3]} (less is better)"
    return [subject["name"], label, name or NONE, times(ratio(ours, theirs)), NONE]


def failures_text(records):
    lines = [f"- {subject}, {scenario}, {count}×: {error}" for subject, scenario, error, count in records.failures()]
    return "\n".join(lines) or "None: every scenario of every peer ran in every round, and every task was counted."


def subjects_table(subjects):
    rows = [[s["name"], s["version"], s["settings"], s["differs"]] for s in subjects]
    return table(["", "version", "settings", "what to know"], rows)


def pairs(facts):
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def render(run):
    """The whole document. `run` is what results.json holds."""
    records = Records(run["records"])
    smoke = "\n**A smoke run with tiny counts: these numbers mean nothing.**\n" if run["quick"] else ""
    return f"""# Taskward beside its peers

Written by `make bench` ([what it does and how](README.md)); do not edit. {run["date"]}, {run["rounds"]} rounds, \
{run["minutes"]:.0f} minutes.
{smoke}
Every number is a median over the rounds, with the smallest and the largest in brackets. In each round every peer runs
every scenario in turn, so that whatever the machine does meanwhile falls on all of them. Payloads have
{run["payload_bytes"]} bytes, tasks do nothing, everything shares one machine.

## Results

{peers_table(records, run["subjects"])}

"Durable per task" means that whoever adds a task is answered after it is on disk. The clock of a drain runs from the
first task handled to the last; starting up is not counted. CPU is that of the drain with one worker.

## Ratios

{ratios_table(records, run["subjects"])}

Only durable peers are candidates for "best". The raw limit of a drain is a claim and an update of each row, as
Taskward keeps finished tasks. More than 1 is possible for single additions: those that wait for the same commit share
it.

## Raw limits of this machine

Measured in the same rounds with {run["raw"]}: the least that any queue has to do, on a table with one partial index.

{limits_table(records, run["limits"])}

## What went wrong

{failures_text(records)}

## How the peers were set, and how they differ

{subjects_table(run["subjects"])}

## The machine, and how the stores were set

{pairs(run["machine"])}
- tasks in a scenario: as many as take about {run["seconds"]:g} s for that peer, found in a round that is not counted; at
  least {run["smallest"]}
- PostgreSQL {run["postgres_version"]}: {", ".join(f"{name}={value}" for name, value in run["postgres"].items())}
- Redis {run["redis_version"]}: an append-only file, `appendfsync` as the peer's name says, no snapshots
- beanstalkd: `-f0`

## Read this before quoting a number

- **A service is not a library.** Taskward's workers speak HTTP and JSON to a service, which speaks to the database; the
  libraries speak to the database themselves. That costs Taskward CPU (the "service" part), and buys workers in any
  language and commits shared between clients. A library, in turn, can add a task in the transaction of your own rows.
- **History.** Taskward, pg-boss and awa keep finished tasks; graphile-worker, pgqueuer, procrastinate (as set here) and
  BullMQ delete them. Deleting a row and keeping it cost a database different work.
- **Notifications.** graphile-worker, pgqueuer, procrastinate and pg-boss (as set here) send a NOTIFY with each
  insertion, which PostgreSQL serializes at commit: part of what single additions cost them, and what makes them start
  tasks quickly.
- **Languages.** A peer in JavaScript or Python has one thread for each worker process; those in Rust have as many as
  the machine has cores. That is how each is used, and part of what a worker process gets you.
- **Taskward's own client.** Taskward is measured by `taskward bench`, the peers by programs around their libraries. Its
  drain counts from the first claim to the last acknowledged report, while the peers' clocks stop at the last task
  handled; its latency counts from the moment a task was due to be added, theirs from the call that adds it. Its CPU
  figures are of the whole run, with the filling of the queue before the drain, where the peers' begin at the drain.
  All three are to the peers' advantage. Its two workers are two in one client process, which has as many threads as
  the machine has cores.
- **No-op tasks** show what a queue costs, not what you will see: a task of 10 ms hides most of it.
- **One machine, few cores.** Load, service and database compete for the same cores, as they would on a small server.
"""
