"""The little protocol that every peer program speaks, for the programs in Python. README.md has it in words."""

import argparse
import asyncio
import json
import sys
import threading
import time

PAYLOAD_BYTES = 200


def now():
    """The wall clock in milliseconds: the producer and the worker are two processes."""
    return time.time() * 1000


def payload(at=0):
    """When the task was added (0: nobody asks), padded to the size that every peer gets."""
    padding = PAYLOAD_BYTES - len(json.dumps({"at": at, "pad": ""}, separators=(",", ":")))
    return {"at": at, "pad": "x" * padding}


def say(**fields):
    print(json.dumps(fields), flush=True)


class Progress:
    """What a worker has done so far. `handle` is all that a task does."""

    def __init__(self):
        self.done = 0
        self.first = 0.0
        self.last = 0.0
        self.latencies = []

    def handle(self, task):
        self.last = now()
        self.first = self.first or self.last
        self.done += 1
        if task["at"]:
            self.latencies.append(self.last - task["at"])

    def say(self, **more):
        say(done=self.done, first=self.first, last=self.last, **more)


async def times(count, in_flight, step):
    """Runs `step(i)` for every i below `count`, `in_flight` of them at a time."""
    numbers = iter(range(count))

    async def lane():
        for i in numbers:
            await step(i)

    await asyncio.gather(*(lane() for _ in range(in_flight)))


async def timed(count, work):
    start = time.monotonic()
    await work
    say(count=count, seconds=time.monotonic() - start)


async def single(producer, args):
    async def add(_):
        await producer.add(payload())

    await times(16, args.in_flight, add)  # connects
    await timed(args.tasks, times(args.tasks, args.in_flight, add))


async def bulk(producer, args):
    payloads = [payload() for _ in range(args.batch)]

    async def add(i):
        await producer.add_many(payloads[: min(args.batch, args.tasks - i * args.batch)])

    await timed(args.tasks, times(-(-args.tasks // args.batch), args.in_flight, add))


async def produce(producer, args):
    """Adds at a steady rate whether or not earlier additions have been answered."""
    await producer.add(payload())
    start = time.monotonic()
    pending = []
    for i in range(int(args.rate * args.seconds)):
        await asyncio.sleep(max(0, start + i / args.rate - time.monotonic()))
        pending.append(asyncio.create_task(producer.add(payload(now()))))
    await asyncio.gather(*pending)
    say(count=len(pending) + 1)


async def work(start_worker):
    """Works until standard input ends, and tells every 20 ms how far it is."""
    progress = Progress()
    loop = asyncio.get_running_loop()
    say(ready=True)
    await loop.run_in_executor(None, sys.stdin.readline)  # all workers start together
    stop = await start_worker(progress.handle)
    ended = asyncio.Event()

    def wait_for_end():
        sys.stdin.readline()
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait_for_end, daemon=True).start()
    told = -1
    while not ended.is_set():
        if progress.done != told:
            told = progress.done
            progress.say()
        await asyncio.sleep(0.02)
    await stop()
    progress.say(latencies=progress.latencies)


async def produce_with(peer, scenario, args):
    producer = await peer.producer(args.in_flight)
    await scenario(producer, args)
    await producer.close()


async def command(peer, args):
    if args.command == "prepare":
        await peer.prepare()
        say(prepared=True)
    elif args.command == "work":
        await work(peer.worker)
    elif args.command == "remaining":
        say(count=await peer.remaining())
    else:
        scenario = {"single": single, "bulk": bulk, "produce": produce}[args.command]
        await produce_with(peer, scenario, args)


def run(peer, runner=asyncio.run):
    """A peer is a module with prepare(), producer(connections), worker(handle) and remaining(): `producer` gives
    something with add, add_many and close; `worker` starts handling tasks and gives a function that stops it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("command", choices=["prepare", "single", "bulk", "produce", "work", "remaining"])
    parser.add_argument("--tasks", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--in-flight", type=int, default=16)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--seconds", type=float)
    runner(command(peer, parser.parse_args()))
