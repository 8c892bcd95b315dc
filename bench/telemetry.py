#!/usr/bin/env python3
"""What metrics, alerts and logs cost: a service with all of it and one with none, draining in turn. README.md says how."""

import argparse
import json
import subprocess
import sys

from harness import servers
from harness.scenarios import TASKWARD_BINARY, OwnBench
from harness.scratch import running
from harness.stats import spread

# Prometheus asks every five seconds.
SCRAPE = "while curl --silent --fail --noproxy '*' --output /dev/null {url}/metrics; do sleep 5; done"
NONE = {
    "TASKWARD__METRICS__ENABLED": "false",
    "TASKWARD__ALERTS__ENABLED": "false",
    "LOG_LEVEL": "ERROR",
}


def say(text):
    print(f"telemetry: {text}", file=sys.stderr, flush=True)


class Pair:
    """Two services that differ in nothing else, each with a store of its own on the same disk."""

    def __init__(self, store, postgres, folder):
        self.bench = OwnBench("Taskward", store, postgres, folder)
        self.all = self.service("with_all", store, postgres, folder, {"TASKWARD__LOGGING__FILE": f"{folder}/all.log"})
        self.none = self.service("with_none", store, postgres, folder, NONE)
        self.scrapes = subprocess.Popen(["sh", "-c", SCRAPE.format(url=self.all.url())])

    def service(self, name, store, postgres, folder, settings):
        url = f"sqlite:{folder}/{name}/taskward.db"
        if store == "postgres":
            postgres.create(name)
            url = postgres.url(name)
        service = servers.Taskward(folder / name, TASKWARD_BINARY, url, settings)
        service.start()
        return service

    def stop(self):
        self.scrapes.kill()
        self.all.stop()
        self.none.stop()

    def drain(self, service, tasks):
        """The rate, and the microseconds of processor that the service took for a task."""
        before = service.cpu()
        options = ["--scenario", "drain", "--tasks", tasks, "--workers", 2, "--yes", "-o", "json"]
        said = json.loads(self.bench.call("--url", service.url(), *options, API_KEY=service.KEY, seconds=1800))
        if not said["balance"]["agrees"]:
            raise SystemExit(f"telemetry: the books do not balance: {said['balance']}")
        return said["results"][0]["tasks_per_second"], (service.cpu() - before) / tasks * 1e6

    def rounds(self, rounds, tasks):
        """Whoever is first in one round is second in the next."""
        for number in range(rounds):
            order = [self.all, self.none] if number % 2 else [self.none, self.all]
            drained = {service: self.drain(service, tasks) for service in order}
            yield drained[self.all], drained[self.none]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="sqlite")
    parser.add_argument("--rounds", type=int, default=9, help="pairs of drains (9)")
    parser.add_argument("--tasks", type=int, default=100_000, help="tasks in each drain (100,000)")
    parser.add_argument("--dir", default="/var/tmp", help="where the databases are, on a real disk (/var/tmp)")
    return parser.parse_args()


def main():
    args = arguments()
    with running(Pair, "telemetry", args.store, args.dir) as pair:
        pairs = list(pair.rounds(args.rounds, args.tasks))
    for what, unit, side in [("drained", "/s", 0), ("processor, the additions included", " µs a task", 1)]:
        tell(f"{args.store}, {what}", unit, [(with_all[side], with_none[side]) for with_all, with_none in pairs])


def tell(what, unit, pairs):
    ratios = [with_all / with_none for with_all, with_none in pairs]
    say(f"{what}: ratios " + " ".join(f"{ratio:.3f}" for ratio in ratios))
    with_all, with_none = (spread([pair[side] for pair in pairs])[0] for side in (0, 1))
    print(f"{what}: {with_all:,.1f}{unit} with metrics, alerts and logs, {with_none:,.1f}{unit} without; ", end="")
    print(f"median of {len(pairs)} ratios {spread(ratios)[0]:.3f}")


if __name__ == "__main__":
    main()
