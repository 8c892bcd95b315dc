#!/usr/bin/env python3
"""Whether Taskward drains a full store as fast as an empty one. README.md says how it measures."""

import argparse
import json
import os
import subprocess
import sys
import time

from harness import servers
from harness.scenarios import TASKWARD_BINARY, OwnBench
from harness.scratch import running
from harness.stats import spread

SMALL = 100_000
HELD_SECONDS = 120


def say(text):
    print(f"flat: {text}", file=sys.stderr, flush=True)


class Pair:
    """An empty store and the one that is filled, each behind a service of its own, measured in turn: the machine
    is faster at one minute than at another, and only what was measured side by side can be compared."""

    def __init__(self, store, postgres, folder):
        self.postgres = postgres
        self.store = store
        self.folder = folder
        self.bench = OwnBench("Taskward", store, postgres, folder)
        self.empty = self.service("flat_empty")
        self.full = self.service("flat_full")

    def service(self, name):
        url = f"sqlite:{self.folder}/{name}/taskward.db"
        if self.store == "postgres":
            self.postgres.create(name)
            url = self.postgres.url(name)
        service = servers.Taskward(self.folder / name, TASKWARD_BINARY, url)
        service.start()
        return service

    def stop(self):
        self.empty.stop()
        self.full.stop()

    def drain(self, service, tasks=SMALL):
        """The rate at which a queue of so many tasks is worked off, and the books agreed."""
        options = ["--scenario", "drain", "--tasks", tasks, "--workers", 2, "--yes", "-o", "json"]
        said = json.loads(self.bench.call("--url", service.url(), *options, API_KEY=service.KEY, seconds=1800))
        if not said["balance"]["agrees"]:
            raise SystemExit(f"flat: the books do not balance: {said['balance']}")
        return said["results"][0]["tasks_per_second"]

    def side_by_side(self, what, rounds):
        pairs = [(self.drain(self.empty), self.drain(self.full)) for _ in range(rounds)]
        return tell(what, pairs)

    def many(self, what, tasks):
        """One queue with very many tasks is worked off; the empty store is measured before and after."""
        before = self.drain(self.empty)
        rate = self.drain(self.full, tasks)
        after = self.drain(self.empty)
        return tell(what, [(before, rate), (after, rate)])

    def schedule(self, tasks):
        """Tasks that are due tomorrow."""
        environment = {"PATH": os.environ["PATH"], "API_KEY": self.full.KEY, "TASKWARD_URL": self.full.url()}
        command = [TASKWARD_BINARY, "enqueue", "later", "--lines", "-", "--delay", "24h"]
        lines = "".join(f"{'x' * 190} {number}\n" for number in range(tasks))
        subprocess.run(command, input=lines, text=True, env=environment, check=True, stdout=subprocess.DEVNULL)

    def held(self, what):
        """A transaction that sees an old snapshot keeps vacuum from removing any row that was there then."""
        statement = f"BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM queues; SELECT pg_sleep({HELD_SECONDS})"
        command = ["psql", "-XAtq", self.postgres.url("flat_full"), "-c", statement]
        holder = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        time.sleep(1)
        pairs = []
        while holder.poll() is None:
            pairs.append((self.drain(self.empty), self.drain(self.full)))
        return tell(what, pairs)


def tell(what, pairs):
    empty, full = (spread([pair[side] for pair in pairs])[0] for side in (0, 1))
    ratio = spread([full / empty for empty, full in pairs])[0]
    shown = " ".join(f"{full / empty:.2f}" for empty, full in pairs)
    say(f"{what}: {full:,.0f}/s, {empty:,.0f}/s empty; ratios {shown}")
    return {"what": what, "empty": empty, "full": full, "ratio": ratio, "pairs": pairs}


def measure(pair, args):
    tasks = int(args.millions * 1e6)
    yield pair.side_by_side("empty, both", args.rounds)
    pair.schedule(tasks // 5)
    yield pair.side_by_side(f"{args.millions / 5:g} million scheduled for tomorrow", args.rounds)
    yield pair.many(f"{args.millions:g} million waiting in the queue, all worked off", tasks)
    yield pair.side_by_side(f"{args.millions:g} million finished", args.rounds)
    if pair.store == "postgres":
        yield pair.held(f"a transaction open for {HELD_SECONDS} s, the pairs from its beginning to its end")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--millions", type=float, default=5, help="how many million tasks wait, or are finished (5)")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of drains for each state (5)")
    parser.add_argument("--dir", default="/var/tmp", help="where the databases are, on a real disk (/var/tmp)")
    return parser.parse_args()


def main():
    args = arguments()
    with running(Pair, "flat", args.store, args.dir) as pair:
        results = list(measure(pair, args))
    print("| the store | drain/s | on an empty store beside it | ratio |\n|---|---|---|---|")
    for one in results:
        print(f"| {one['what']} | {one['full']:,.0f} | {one['empty']:,.0f} | {one['ratio']:.2f} |")


if __name__ == "__main__":
    main()
