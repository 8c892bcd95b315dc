"""Celery on Redis, set as its guide to optimizing says: no results kept, a large prefetch, no gossip between workers.
It acknowledges a task before it runs it (its default); a worker that dies loses what it had fetched."""

import asyncio
import logging
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import celery
import redis

import driver

PORT = os.environ["REDIS_PORT"]

app = celery.Celery("bench", broker=f"redis://127.0.0.1:{PORT}/0")
app.conf.update(
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    worker_prefetch_multiplier=128,
    worker_disable_rate_limits=True,
    worker_send_task_events=False,
    worker_hijack_root_logger=False,
    broker_pool_limit=16,
    broker_connection_retry_on_startup=True,
)
logging.disable(logging.WARNING)
handle_task = None


@app.task(name="noop")
def noop(task):
    handle_task(task)


async def prepare():
    pass


class Producer:
    """Celery's producers are synchronous: one thread for each addition in flight."""

    def __init__(self, threads):
        self.threads = ThreadPoolExecutor(threads)

    async def add(self, payload):
        await asyncio.get_running_loop().run_in_executor(self.threads, noop.delay, payload)

    async def add_many(self, payloads):
        """Celery has nothing for many tasks at once; this only fills the queue for a drain."""
        await asyncio.gather(*(self.add(payload) for payload in payloads))

    async def close(self):
        self.threads.shutdown()


async def producer(connections):
    return Producer(connections)


async def worker(handle):
    """The worker runs its tasks in its own thread (the solo pool), which is all that tasks that do nothing need: a
    pool of threads measured the same."""
    global handle_task
    handle_task = handle
    consumer = app.WorkController(
        pool="solo", concurrency=1, without_gossip=True, without_mingle=True, without_heartbeat=True
    )
    thread = threading.Thread(target=consumer.start, daemon=True)
    thread.start()

    async def stop():
        consumer.should_stop = True
        thread.join(timeout=3)

    return stop


async def remaining():
    connection = redis.Redis(port=int(PORT))
    return connection.llen("celery") + connection.hlen("unacked")


driver.run(sys.modules[__name__])
