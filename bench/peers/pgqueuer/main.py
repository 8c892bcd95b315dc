"""PgQueuer on asyncpg and uvloop, its tables durable. A batch of 1000 and no limit on tasks at a time."""

import asyncio
import json
import os
import sys
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.queries import Queries

import driver

URL = os.environ["DATABASE_URL"]
BATCH = 1000


def encode(payload):
    return json.dumps(payload).encode()


async def prepare():
    connection = await asyncpg.connect(URL)
    await Queries.from_asyncpg_connection(connection).install()
    await connection.close()


class Producer:
    """One connection for each addition in flight: PgQueuer's pool driver has a lock around every statement."""

    def __init__(self, connections):
        self.connections = connections
        self.free = asyncio.Queue()
        for connection in connections:
            self.free.put_nowait(Queries.from_asyncpg_connection(connection))

    async def enqueue(self, *arguments):
        queries = await self.free.get()
        await queries.enqueue(*arguments)
        self.free.put_nowait(queries)

    async def add(self, payload):
        await self.enqueue("noop", encode(payload))

    async def add_many(self, payloads):
        count = len(payloads)
        await self.enqueue(["noop"] * count, [encode(payload) for payload in payloads], [0] * count)

    async def close(self):
        for connection in self.connections:
            await connection.close()


async def producer(connections):
    return Producer([await asyncpg.connect(URL) for _ in range(connections)])


async def worker(handle):
    connection = await asyncpg.connect(URL)
    pgq = PgQueuer.from_asyncpg_connection(connection)

    @pgq.entrypoint("noop")
    async def noop(job):
        handle(json.loads(job.payload))

    running = asyncio.create_task(pgq.qm.run(batch_size=BATCH, dequeue_timeout=timedelta(seconds=1)))

    async def stop():
        pgq.shutdown.set()
        await running

    return stop


async def remaining():
    connection = await asyncpg.connect(URL)
    count = await connection.fetchval("SELECT count(*) FROM pgqueuer")
    await connection.close()
    return count


driver.run(sys.modules[__name__], runner=uvloop.run)
