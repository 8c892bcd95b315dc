#!/usr/bin/env python3
"""How long /metrics takes with many queues and a full store. README.md says how it measures."""

import argparse
import http.client
import json
import math
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from harness import servers
from harness.scenarios import TASKWARD_BINARY
from harness.scratch import running

BATCH = 1000
FILLERS = 4
# As often as some dozen Prometheus servers would ask.
PAUSE_SECONDS = 0.05
# More than an answer has.
ROOM_BYTES = 16 << 20


def say(text):
    print(f"scrape: {text}", file=sys.stderr, flush=True)


class Client:
    """One kept connection to the service."""

    def __init__(self, service):
        self.key = service.KEY
        self.connection = http.client.HTTPConnection(servers.HOST, service.port, timeout=60)

    def post(self, path, body):
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        self.connection.request("POST", path, json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        if answer.status >= 300:
            raise SystemExit(f"scrape: {path} was answered {answer.status}: {content[:400]}")
        return content


def fill(service, queue, tasks):
    """One queue: tasks that wait, and one of each outcome, so that it has every metric."""
    client = Client(service)
    one = {"kind": "k", "queue": queue, "payload": {"text": "x" * 180}, "max_attempts": 1}
    for begun in range(0, tasks, BATCH):
        client.post("/api/v1/tasks/batch", {"tasks": [one] * min(BATCH, tasks - begun)})
    demand = {"worker_id": f"of-{queue}", "queues": [queue], "max": 3, "wait": "1s", "lease": "60s"}
    claimed = json.loads(client.post("/api/v1/claim", demand))["tasks"]
    outcomes = [
        {"outcome": "completed"},
        {"outcome": "failed", "error": {"type": "t", "message": "m"}, "retryable": False},
        {"outcome": "released"},
    ]
    results = [
        {"id": task["id"], "lease_token": task["lease_token"], **outcome}
        for task, outcome in zip(claimed, outcomes, strict=True)
    ]
    client.post("/api/v1/results", {"results": results})


def scrape(connection, request, room):
    """Asks, and reads the whole answer. Without an HTTP library, which would take a quarter of the time."""
    connection.sendall(request)
    received = 0
    while (end := room.find(b"\r\n\r\n", 0, received)) < 0:
        received += connection.recv_into(memoryview(room)[received:])
    head = room[:end].decode().lower()
    if not head.startswith("http/1.1 200"):
        raise SystemExit(f"scrape: /metrics was answered {head}")
    length = int(head.split("content-length: ")[1].split()[0])
    while received < end + 4 + length:
        received += connection.recv_into(memoryview(room)[received:])
    return length


def scrapes(service, number):
    """Seconds that each took, and the bytes of the last."""
    request = f"GET /metrics HTTP/1.1\r\nHost: {servers.HOST}\r\nAuthorization: Bearer {service.KEY}\r\n\r\n".encode()
    took, room = [], bytearray(ROOM_BYTES)
    with socket.create_connection((servers.HOST, service.port), timeout=60) as connection:
        for _ in range(number):
            begun = time.perf_counter()
            size = scrape(connection, request, room)
            took.append(time.perf_counter() - begun)
            time.sleep(PAUSE_SECONDS)
    return sorted(took), size


def percentile(ordered, share):
    return ordered[math.ceil(share * len(ordered)) - 1] * 1000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--millions", type=float, default=5, help="how many million tasks wait (5)")
    parser.add_argument("--queues", type=int, default=100, help="in so many queues (100)")
    parser.add_argument("--scrapes", type=int, default=1000, help="how often is asked (1000)")
    parser.add_argument("--dir", default="/var/tmp", help="where the database is, on a real disk (/var/tmp)")
    return parser.parse_args()


def measure(service, args):
    tasks = int(args.millions * 1e6 / args.queues)
    say(f"adding {tasks * args.queues:,} tasks in {args.queues} queues")
    with ThreadPoolExecutor(FILLERS) as fillers:
        for done in [fillers.submit(fill, service, f"queue-{number}", tasks) for number in range(args.queues)]:
            done.result()
    if args.store == "postgres":
        # What the additions leave to do is done before, and not beside.
        subprocess.run(["psql", "-Xq", service.database_url, "-c", "VACUUM ANALYZE", "-c", "CHECKPOINT"], check=True)
    before = service.cpu()
    took, size = scrapes(service, args.scrapes)
    # Whatever else it did meanwhile is in it.
    cpu = (service.cpu() - before) / args.scrapes * 1000
    p50, p99, most = percentile(took, 0.5), percentile(took, 0.99), took[-1] * 1000
    print(
        f"{args.store}, {args.queues} queues, {args.millions:g} million tasks, {args.scrapes} scrapes of {size / 1024:.0f} KiB: "
        f"p50 {p50:.2f} ms, p99 {p99:.2f} ms, most {most:.2f} ms; {cpu:.2f} ms of processor each"
    )


def scraped(store, postgres, folder):
    """The service that is asked, on a store of its own."""
    url = f"sqlite:{folder}/service/taskward.db"
    if store == "postgres":
        postgres.create("scraped")
        url = postgres.url("scraped")
    service = servers.Taskward(folder / "service", TASKWARD_BINARY, url)
    service.start()
    return service


def main():
    args = arguments()
    with running(scraped, "scrape", args.store, args.dir) as service:
        measure(service, args)


if __name__ == "__main__":
    main()
