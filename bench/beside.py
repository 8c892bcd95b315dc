#!/usr/bin/env python3
"""Taskward's own bench on both databases, beside what PostgreSQL can do at that moment. README.md says how it measures."""

import argparse
import json
import sys
import time

from harness import limits, peers
from harness.processes import PeerError
from harness.scenarios import OwnBench, parse_own_bench
from harness.scratch import running
from harness.stats import spread

STORES = ["postgres", "sqlite"]
TASKS = ["--tasks", 200_000]
TIME = ["--duration", "5s"]
WORKERS = ["--workers", 2, "--concurrency", 2000]
SCENARIOS = {
    "single": [*TASKS, *TIME],
    "batch": TASKS,
    "drain": [*TASKS, *WORKERS],
    "steady": [*TIME, *WORKERS],
    "one_by_one": TIME,
    "latency": TIME,
}
# The raw operation that comes closest to a scenario, its connections and the rows of a transaction.
RAW = {
    "single": ("postgres-insert", 64, 1),
    "batch": ("postgres-insert", 4, 1000),
    "drain": ("postgres-drainkeep", 2, 500),
    "steady": ("postgres-steady", 2, 500),
}
RAW_SECONDS = 2.5
# Of the rows that a raw drain works off by default: then they are as many as Taskward's tasks.
RAW_SHARE = 2
# An idle queue has nothing left to do of what was before.
PAUSE_SECONDS = 5


def say(text):
    print(f"beside: {text}", file=sys.stderr, flush=True)


def limit_of(scenario):
    [limit] = [one for one in limits.LIMITS if (one.operation, one.clients, one.batch) == RAW[scenario]]
    return limit


class Beside:
    """A service on each store, new in every round, and the raw limits on the same PostgreSQL cluster."""

    def __init__(self, stores, postgres, folder):
        self.postgres = postgres
        self.folder = folder
        self.raw = peers.install_raw() if "postgres" in stores else None
        self.benches = {store: OwnBench("Taskward", store, postgres, folder) for store in stores}

    def stop(self):
        """Nothing goes on between two measurements: a service ends with its round."""

    def raw_limits(self):
        for scenario in RAW:
            measured = limits.measure(limit_of(scenario), self.raw, self.postgres, self.folder, RAW_SECONDS, RAW_SHARE)
            yield scenario, measured["rate"]

    def scenarios(self, store):
        bench = self.benches[store]
        with bench.fresh_service() as service:
            for scenario, options in SCENARIOS.items():
                if scenario == "latency":
                    time.sleep(PAUSE_SECONDS)
                arguments = ["--url", service.url(), "--scenario", scenario, *options, "--yes", "-o", "json"]
                yield scenario, parse_own_bench(json.loads(bench.call(*arguments, API_KEY=service.KEY)))

    def one_round(self, number):
        """What each store gave, and `raw`; whoever is first in one round is last in the next."""
        found = {}
        for store in list(self.benches)[:: 1 if number % 2 else -1]:
            if store == "postgres":
                found["raw"] = dict(self.raw_limits())
            found[store] = dict(self.scenarios(store))
            rates = (f"{name} {said['rate']:,.0f}/s" for name, said in found[store].items() if "rate" in said)
            say(f"round {number}: {store}: {', '.join(rates)}")
        return found


def shown(values, digits=0):
    found = spread(values)
    return "{:,.{d}f} ({:,.{d}f}–{:,.{d}f})".format(*found, d=digits) if found else "–"


def cell(rounds, store, scenario):
    said = [one[store][scenario] for one in rounds if store in one]
    if scenario == "latency":
        p50, p99 = (shown([one[name] for one in said], 2) for name in ("p50_ms", "p99_ms"))
        return f"{p50} · {p99} ms" if said else "–"
    return shown([one["rate"] for one in said])


def row(rounds, scenario):
    """The ratio is of what was measured in the same round: the machine is faster at one minute than at another."""
    raw = [one["raw"][scenario] for one in rounds if scenario in one.get("raw", {})]
    rates = [one["postgres"][scenario]["rate"] for one in rounds if scenario in one.get("raw", {})]
    limit, ratio = spread(raw), spread([ours / theirs for ours, theirs in zip(rates, raw, strict=True)])
    against = [f"{limit[0]:,.0f}", f"{ratio[0]:.2f}"] if limit else ["–", "–"]
    name = f"{scenario}, p50 · p99" if scenario == "latency" else scenario
    return [name, cell(rounds, "postgres", scenario), *against, cell(rounds, "sqlite", scenario)]


def table(rounds):
    lines = [["scenario, tasks/s", "PostgreSQL", "raw limit", "ratio", "SQLite"], ["---", "---:", "---:", "---:", "---:"]]
    lines += [row(rounds, scenario) for scenario in SCENARIOS]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def stores_of(text):
    stores = text.split(",")
    if not set(stores) <= set(STORES):
        raise argparse.ArgumentTypeError(f"{text} is not one or both of {','.join(STORES)}")
    return stores


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--stores", type=stores_of, default=STORES, help="postgres, sqlite, or both (postgres,sqlite)")
    parser.add_argument("--dir", default="/var/tmp", help="where the databases are, on a real disk (/var/tmp)")
    return parser.parse_args()


def main():
    args = arguments()
    server = "postgres" if "postgres" in args.stores else "sqlite"

    def beside(_, postgres, folder):
        return Beside(args.stores, postgres, folder)

    rounds = []
    try:
        with running(beside, "beside", server, args.dir) as measured:
            for number in range(1, args.rounds + 1):
                rounds.append(measured.one_round(number))
    except KeyboardInterrupt:
        say("interrupted; of the rounds before:")
        sys.exit(130)
    except PeerError as error:
        sys.exit(f"beside: {error}")
    finally:
        if rounds:
            print(table(rounds))


if __name__ == "__main__":
    main()
