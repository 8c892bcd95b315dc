#!/usr/bin/env python3
"""Taskward beside its peers, and the raw limits of the machine, in one run. README.md says how it measures."""

import argparse
import datetime
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harness import limits, machine, peers, report, servers
from harness.processes import PeerError
from harness.scenarios import SCENARIOS, TASKWARD_BINARY, Library, OwnBench, run_scenario
from harness.stats import long_enough, tasks_for

RESULTS = peers.BENCH / "RESULTS.md"
RAW_RESULTS = peers.WORK / "results.json"

# What the round that is not counted starts with; it finds out how much is enough.
FIRST_TASKS = {"single": 300, "bulk": 4000, "drain-1": 2000, "drain-2": 2000}
QUICK_TASKS = {"single": 100, "bulk": 1000, "drain-1": 500, "drain-2": 500}
MOST_TASKS = 200_000
SMALLEST = 300
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXPECTED = (PeerError, servers.ServerError, peers.InstallError, OSError, subprocess.SubprocessError, ValueError, KeyError)

OURS = [
    {
        "name": "Taskward on PostgreSQL",
        "store": "postgres",
        "settings": "production mode, defaults; bulk: batches of 1000, 4 in flight; workers of 2000 slots",
        "differs": "A service: workers and producers speak HTTP to it. Keeps finished tasks (7 days by default).",
    },
    {
        "name": "Taskward on SQLite",
        "store": "sqlite",
        "settings": "the same on its SQLite file, every commit synced",
        "differs": "The same service and its store in one process.",
    },
]


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--seconds", type=float, default=2.5, help="how long a scenario should take (2.5)")
    parser.add_argument("--tasks", type=int, help="a fixed number of tasks for every scenario of every peer")
    parser.add_argument("--peers", help="only these, by name, separated by semicolons or commas; 'raw' for the limits")
    parser.add_argument("--quick", action="store_true", help="one round with tiny counts, to see that all of it works")
    parser.add_argument("--list", action="store_true", help="list the peers and leave")
    parser.add_argument("--dir", default="/var/tmp", help="where the databases are, on a real disk (/var/tmp)")
    return parser.parse_args()


def names():
    return [ours["name"] for ours in OURS] + [peer.name for peer in peers.PEERS] + ["raw"]


def chosen(asked):
    """The names asked for: each the whole name of a peer, or its start."""
    if not asked:
        return set(names())
    wanted = [part.strip().lower() for part in asked.replace(";", ",").split(",")]
    found = {name for name in names() for part in wanted if name.lower().startswith(part)}
    if not found:
        raise SystemExit(f"bench: no such peer: {asked} (see --list)")
    return found


def taskward_version():
    if not TASKWARD_BINARY.exists():
        return "?"
    return peers.program_version([str(TASKWARD_BINARY), "--version"])


class Run:
    """One run: the subjects that could be installed and prepared, and what was measured."""

    def __init__(self, args, folder, postgres):
        self.args = args
        self.folder = folder
        self.postgres = postgres
        self.began = time.monotonic()
        self.machine = machine.describe(folder)
        self.wanted = chosen(args.peers)
        self.subjects = []  # for the report
        self.measured = []  # those that can be measured
        self.raw = None
        self.counts = {}
        self.records = []

    def workplace(self, name):
        folder = self.folder / "".join(c if c.isalnum() else "-" for c in name.lower())
        folder.mkdir()
        return folder

    def prepare(self):
        for ours in OURS:
            if ours["name"] in self.wanted:
                facts = {**ours, "ours": True, "durable": True, "version": taskward_version()}
                folder = self.workplace(ours["name"])
                self.add(facts, lambda: OwnBench(ours["name"], ours["store"], self.postgres, folder))
        for peer in peers.PEERS:
            if peer.name in self.wanted:
                self.add(self.facts(peer), lambda: self.installed(peer))
        if "raw" in self.wanted:
            self.prepare_raw()

    def prepare_raw(self):
        say("raw limits: installing")
        try:
            self.raw = peers.install_raw()
        except EXPECTED as error:
            reason = one_line(error)
            self.records.append({"round": 0, "subject": "raw", "scenario": "all limits", "error": reason})
            say(f"raw limits: not run: {reason}")

    @staticmethod
    def facts(peer):
        facts = {name: getattr(peer, name) for name in ("name", "store", "durable", "settings", "differs")}
        return facts | {"ours": False, "version": "?"}

    def installed(self, peer):
        peers.install_peer(peer)
        return Library(peer, self.postgres, self.workplace(peer.name))

    def add(self, facts, make):
        """A peer that cannot be installed or prepared is in the tables all the same, with the reason."""
        say(f"{facts['name']}: installing")
        try:
            subject = make()
            if not facts["ours"]:
                facts["version"] = subject.peer.version()
            subject.prepare()
            self.measured.append(subject)
        except EXPECTED as error:
            facts["not_run"] = one_line(error)
            say(f"{facts['name']}: not run: {facts['not_run']}")
        self.subjects.append(facts)

    def tasks(self, name, scenario):
        if scenario == "latency":
            return 0
        first = QUICK_TASKS if self.args.quick else FIRST_TASKS
        return self.args.tasks or self.counts.get((name, scenario), first[scenario])

    def measure(self, number, subject, scenario):
        """Measures once; what fails is a record too."""
        record = {"round": number, "subject": subject.name, "scenario": scenario}
        seconds = 2 if self.args.quick or number == 0 else 5
        try:
            result = run_scenario(subject, scenario, self.tasks(subject.name, scenario), seconds)
            record |= result or {"skipped": True}
        except EXPECTED as error:
            record["error"] = one_line(error)
        self.tell(record)
        return record

    @staticmethod
    def tell(record):
        shown = {key: round(value, 2) for key, value in record.items() if isinstance(value, float)}
        what = record.get("error") or " ".join(f"{key}={value}" for key, value in shown.items())
        say(f"round {record['round']}: {record['subject']}: {record['scenario']}: {what}")

    def one_round(self, number):
        """Every subject's scenarios in turn, in every second round from the last subject to the first."""
        subjects = self.measured if number % 2 else list(reversed(self.measured))
        return [self.measure(number, subject, scenario) for subject in subjects for scenario in SCENARIOS]

    def calibrate(self):
        """A round that is not counted: it warms caches up, and finds how many tasks take long enough."""
        for subject in self.measured:
            for scenario in SCENARIOS:
                record = self.measure(0, subject, scenario)
                while not long_enough(record, MOST_TASKS):
                    self.counts[subject.name, scenario] = min(record["count"] * 8, MOST_TASKS)
                    record = self.measure(0, subject, scenario)
                if "rate" in record:
                    rate = record["count"] / record["seconds"]
                    tasks = tasks_for(rate, self.args.seconds, SMALLEST, MOST_TASKS)
                    self.counts[subject.name, scenario] = tasks

    def raw_limits(self, number):
        seconds, share = (0.2, 0.05) if self.args.quick else (1.5, 1)
        for limit in limits.LIMITS if self.raw else []:
            record = {"round": number, "subject": "raw", "scenario": limit.title}
            try:
                record |= limits.measure(limit, self.raw, self.postgres, self.folder, seconds, share)
            except EXPECTED as error:
                record["error"] = one_line(error)
            self.tell(record)
            self.records.append(record)

    def all_rounds(self):
        if not self.args.quick and not self.args.tasks:
            self.calibrate()
        for number in range(1, self.args.rounds + 1):
            self.raw_limits(number)
            self.records += self.one_round(number)
            write(self.summary(number))

    def summary(self, rounds):
        return {
            "date": datetime.date.today().isoformat(),
            "quick": self.args.quick,
            "rounds": rounds,
            "minutes": (time.monotonic() - self.began) / 60,
            "seconds": self.args.seconds,
            "smallest": SMALLEST,
            "payload_bytes": 200,
            "machine": self.machine,
            "postgres": servers.POSTGRES_SETTINGS,
            "postgres_version": self.postgres.version(),
            "redis_version": peers.program_version(["redis-server", "--version"]),
            "raw": "a small program on tokio-postgres and rusqlite (bench/raw)",
            "limits": [limit.title for limit in limits.LIMITS] if self.raw else [],
            "subjects": self.subjects,
            "tasks": [[*key, count] for key, count in self.counts.items()],
            "records": self.records,
        }


def one_line(error):
    text = str(error) or type(error).__name__
    return " ".join(text.split()).replace("|", "/")[:300]


def write(summary):
    """After every round, so that a run that is interrupted leaves what it had."""
    RAW_RESULTS.write_text(json.dumps(summary, indent=1))
    target = peers.WORK / "RESULTS-quick.md" if summary["quick"] else RESULTS
    target.write_text(report.render(summary))
    say(f"wrote {target}")


def interrupt(*_):
    raise KeyboardInterrupt


def main():
    args = arguments()
    if args.list:
        print("\n".join(names()))
        return
    args.rounds = 1 if args.quick else args.rounds
    missing = machine.missing_programs(["psql", "redis-server", "beanstalkd", "npm", "cargo"])
    if missing:
        say(f"missing: {', '.join(missing)}; scripts/setup.sh bench installs them")
    peers.WORK.mkdir(exist_ok=True)
    for ending in ENDINGS:
        signal.signal(ending, interrupt)
    os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="taskward-bench-", dir=args.dir))
    folder.chmod(0o755)  # PostgreSQL's user has to get in
    postgres = servers.Postgres(folder / "postgres")
    try:
        postgres.start()
        run = Run(args, folder, postgres)
        run.prepare()
        run.all_rounds()
    except KeyboardInterrupt:
        say("interrupted")
        sys.exit(130)
    finally:
        for ending in ENDINGS:
            signal.signal(ending, signal.SIG_IGN)  # tidying up is not interrupted
        postgres.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
