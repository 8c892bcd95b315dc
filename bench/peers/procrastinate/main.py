"""Procrastinate on psycopg. Finished jobs are deleted, which costs less than keeping them."""

import asyncio
import logging
import os
import sys

import procrastinate
import psycopg

import driver

URL = os.environ["DATABASE_URL"]
CONCURRENCY = 20

logging.disable(logging.WARNING)
handle_task = None


def new_app(connections):
    connector = procrastinate.PsycopgConnector(conninfo=URL, min_size=connections, max_size=connections)
    app = procrastinate.App(connector=connector)

    @app.task(name="noop")
    async def noop(task):
        handle_task(task)

    return app, noop


async def prepare():
    app, _ = new_app(1)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()


class Producer:
    def __init__(self, app, task):
        self.app = app
        self.task = task

    async def add(self, payload):
        await self.task.defer_async(task=payload)

    async def add_many(self, payloads):
        await self.task.batch_defer_async(*({"task": payload} for payload in payloads))

    async def close(self):
        await self.app.close_async()


async def producer(connections):
    app, task = new_app(connections)
    await app.open_async()
    return Producer(app, task)


async def worker(handle):
    global handle_task
    handle_task = handle
    app, _ = new_app(CONCURRENCY)
    await app.open_async()
    running = asyncio.create_task(
        app.run_worker_async(
            concurrency=CONCURRENCY, delete_jobs="always", install_signal_handlers=False, listen_notify=True
        )
    )

    async def stop():
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await app.close_async()

    return stop


async def remaining():
    async with await psycopg.AsyncConnection.connect(URL) as connection:
        cursor = await connection.execute("SELECT count(*) FROM procrastinate_jobs")
        return (await cursor.fetchone())[0]


driver.run(sys.modules[__name__])
