"""What is measured: the same four scenarios for every peer, each on a store that holds nothing else.

A scenario gives {"count", "rate"} or {"p50_ms", "p99_ms"}, and for drains the CPU that a task costs."""

import json
import os
import time
from contextlib import contextmanager
from pathlib import Path

from harness import servers
from harness.peers import BENCH, ROOT
from harness.processes import PeerError, call, last_line, wait_for, workers
from harness.stats import percentile

IN_FLIGHT = 16
RATE = 150
SCENARIOS = ["single", "bulk", "drain-1", "drain-2", "latency"]
TASKWARD_BINARY = Path(os.environ.get("TASKWARD", ROOT / "target/release/taskward"))


def per_second(said):
    return {"count": said["count"], "rate": said["count"] / said["seconds"], "seconds": said["seconds"]}


def microseconds(after, before, count):
    return (after - before) * 1e6 / count


class Library:
    """A peer that is a program of ours around its library, speaking the protocol of bench/README.md."""

    def __init__(self, peer, postgres, folder):
        self.peer = peer
        self.name = peer.name
        self.postgres = postgres
        self.folder = folder
        self.template = "tpl_" + "".join(c if c.isalnum() else "_" for c in peer.name.lower())
        self.server = None
        self.environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(BENCH / "peers/common")}
        self.environment |= {"VARIANT": peer.variant, "HOME": str(folder)}

    def command(self, *arguments):
        return [str(part) for part in (*self.peer.command(), *arguments)]

    def call(self, *arguments):
        return last_line(call(self.command(*arguments), self.environment, self.folder / "peer.log"))

    def prepare(self):
        """Makes the peer's own tables once; every scenario starts from a copy."""
        if self.peer.store == "postgres":
            self.postgres.create(self.template)
            self.environment["DATABASE_URL"] = self.postgres.url(self.template)
            self.call("prepare")

    @contextmanager
    def fresh_store(self):
        """An empty store, and what tells its CPU time."""
        if self.peer.store == "postgres":
            self.postgres.create("bench", self.template)
            self.postgres.sql("CHECKPOINT")
            self.environment["DATABASE_URL"] = self.postgres.url("bench")
            yield self.postgres
            self.postgres.sql("DROP DATABASE bench WITH (FORCE)")
            return
        folder = self.folder / "store"
        server = servers.Beanstalkd(folder) if self.peer.store == "beanstalkd" else self.redis(folder)
        try:
            server.start()
            self.environment |= {"REDIS_PORT": str(server.port), "BEANSTALKD_PORT": str(server.port)}
            yield server
        finally:
            server.stop()

    def redis(self, folder):
        return servers.Redis(folder, self.peer.store.removeprefix("redis-"))

    def single(self, tasks):
        with self.fresh_store():
            return per_second(self.call("single", "--tasks", tasks, "--in-flight", IN_FLIGHT))

    def add_in_bulk(self, tasks):
        options = ["--batch", self.peer.batch, "--in-flight", self.peer.bulk_in_flight]
        return self.call("bulk", "--tasks", tasks, *options)

    def bulk(self, tasks):
        if not self.peer.bulk:
            return None
        with self.fresh_store():
            return per_second(self.add_in_bulk(tasks))

    def drain(self, tasks, count):
        with self.fresh_store() as store:
            self.add_in_bulk(tasks)
            if self.peer.store == "postgres":
                self.postgres.settle("bench")
            measured = self.drain_with_workers(store, tasks, count)
            self.check_empty()
            return measured

    def drain_with_workers(self, store, tasks, count):
        """The clock runs from the first task handled to the last, over all workers: start-up does not count, nor
        does what is reported after the last task."""
        before = store.cpu()
        with workers(self.command("work"), self.environment, self.folder, count) as running:
            idle, began = sum(worker.cpu() for worker in running), time.monotonic()
            wait_for(running, tasks, seconds=120)
            seconds = time.monotonic() - began
            worker_us = microseconds(sum(worker.cpu() for worker in running), idle, tasks)
            said = [worker.finish() for worker in running]
        handled = sum(one["done"] for one in said)
        if handled != tasks:
            raise PeerError(f"{handled} tasks handled, {tasks} added")
        busy = [one for one in said if one["done"]]
        handling = (max(one["last"] for one in busy) - min(one["first"] for one in busy)) / 1000
        store_us = microseconds(store.cpu(), before, tasks)
        costs = {"worker_us": worker_us, "service_us": 0, "store_us": store_us}
        return {"count": tasks, "rate": tasks / handling, "seconds": seconds, **costs}

    def check_empty(self):
        left = self.call("remaining")["count"]
        if left:
            raise PeerError(f"{left} tasks are unfinished after the drain")

    def latency(self, seconds):
        with self.fresh_store(), workers(self.command("work"), self.environment, self.folder, 1) as running:
            time.sleep(1)
            added = self.call("produce", "--rate", RATE, "--seconds", seconds)["count"]
            wait_for(running, added, seconds=30)
            latencies = running[0].finish()["latencies"]
        return {"p50_ms": percentile(latencies, 0.5), "p99_ms": percentile(latencies, 0.99)}


class OwnBench:
    """Taskward, measured by its own `taskward bench` against a service on the given store."""

    def __init__(self, name, store, postgres, folder):
        self.name = name
        self.store = store
        self.postgres = postgres
        self.folder = folder

    def call(self, *arguments, seconds=180, **environment):
        command = [str(part) for part in (TASKWARD_BINARY, "bench", *arguments)]
        return call(command, {"PATH": os.environ["PATH"], **environment}, self.folder / "peer.log", seconds)

    def prepare(self):
        if not TASKWARD_BINARY.exists():
            raise PeerError(f"there is no {TASKWARD_BINARY}: run make build")
        self.call("--help")

    @contextmanager
    def fresh_service(self):
        folder = self.folder / "service"
        url = f"sqlite:{folder}/taskward.db"
        if self.store == "postgres":
            self.postgres.create("bench")
            self.postgres.sql("CHECKPOINT")
            url = self.postgres.url("bench")
        service = servers.Taskward(folder, TASKWARD_BINARY, url)
        try:
            service.start()
            yield service
        finally:
            service.stop()
        if self.store == "postgres":
            self.postgres.sql("DROP DATABASE bench WITH (FORCE)")

    def cpu(self, service):
        """Worker, service and store; a SQLite store is in the service."""
        own = os.times()
        return {
            "worker_us": own.children_user + own.children_system,
            "service_us": service.cpu(),
            "store_us": self.postgres.cpu() if self.store == "postgres" else 0,
        }

    def measured(self, scenario, *options):
        with self.fresh_service() as service:
            before = self.cpu(service)
            arguments = ["--url", service.url(), "--scenario", scenario, "--payload", 200, *options, "--yes", "-o", "json"]
            said = parse_own_bench(json.loads(self.call(*arguments, API_KEY=service.KEY)))
            after = self.cpu(service)
        costs = {part: microseconds(after[part], before[part], said["count"]) for part in before}
        return said | (costs if scenario == "drain" else {})

    def single(self, tasks):
        return self.measured("single", "--tasks", tasks, "--duration", "60s", "--in-flight", IN_FLIGHT)

    def bulk(self, tasks):
        return self.measured("batch", "--tasks", tasks, "--batch", 1000, "--batches-in-flight", 4)

    def drain(self, tasks, count):
        return self.measured("drain", "--tasks", tasks, "--workers", count, "--concurrency", 2000)

    def latency(self, seconds):
        return self.measured("latency", "--rate", RATE, "--duration", f"{seconds}s")


def parse_own_bench(report):
    """The one place that knows what `taskward bench -o json` prints for a run of one scenario."""
    [result] = report["results"]
    if not report["balance"]["agrees"]:
        raise PeerError(f"its books do not balance: {report['balance']}")
    said = {"count": max(result["added"], result["completed"])}
    if result["scenario"] == "latency":
        [latency] = [one for one in result["latencies"] if one["of"] == "due to handed over"]
        return said | {"p50_ms": latency["p50_ms"], "p99_ms": latency["p99_ms"]}
    return said | {"rate": result["tasks_per_second"], "seconds": result["seconds"]}


def run_scenario(subject, scenario, tasks, seconds):
    if scenario.startswith("drain"):
        return subject.drain(tasks, int(scenario[-1]))
    if scenario == "latency":
        return subject.latency(seconds)
    return getattr(subject, scenario)(tasks)
