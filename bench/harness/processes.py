"""Runs peer programs and reads what they say: JSON, one object a line."""

import contextlib
import json
import subprocess
import threading
import time

from harness.servers import cpu_of, family_of, stop_family


class PeerError(Exception):
    """A peer's program failed, said nothing, or took too long."""


def last_words(log):
    return log.read_text(errors="replace").strip()[-400:]


def call(command, environment, log, seconds=180):
    """Runs a program to its end and gives what it printed."""
    with log.open("wb") as errors:
        process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,
        )
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise PeerError(f"the program took more than {seconds} seconds") from None
        finally:
            stop_family(process)
    if process.returncode != 0 or not output.strip():
        raise PeerError(f"the program ended with {process.returncode}: {last_words(log) or output[-400:]}")
    return output


def last_line(output):
    return json.loads(output.strip().splitlines()[-1])


class Worker:
    """One worker process. It works from `go` until `finish`, and says how far it is."""

    def __init__(self, command, environment, log):
        self.log = log
        self.errors = log.open("wb")
        self.said = {}
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            start_new_session=True,
        )
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.said = json.loads(line)

    def failed(self):
        return self.process.poll() is not None

    def wait_until_ready(self, seconds=30):
        end = time.monotonic() + seconds
        while not self.said.get("ready"):
            if self.failed() or time.monotonic() > end:
                raise PeerError(f"the worker did not start: {last_words(self.log)}")
            time.sleep(0.01)

    def go(self):
        self.process.stdin.write("go\n")
        self.process.stdin.flush()

    def cpu(self):
        return cpu_of(family_of(self.process.pid))

    def finish(self, seconds=20):
        """Lets the worker report what it holds, and gives its last words."""
        self.process.stdin.close()
        self.reader.join(seconds)
        if "latencies" not in self.said:
            raise PeerError(f"the worker did not stop by itself: {last_words(self.log)}")
        return self.said

    def kill(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        stop_family(self.process, seconds=2)
        self.errors.close()


@contextlib.contextmanager
def workers(command, environment, folder, count):
    """`count` worker processes, started together and gone at the end."""
    started = []
    try:
        for number in range(count):
            started.append(Worker(command, environment, folder / f"worker-{number}.log"))
        for worker in started:
            worker.wait_until_ready()
        for worker in started:
            worker.go()
        yield started
    finally:
        for worker in started:
            worker.kill()


def done(running):
    return sum(worker.said.get("done", 0) for worker in running)


def wait_for(running, tasks, seconds):
    """Until the workers have handled all tasks, or nothing happens any more."""
    end = time.monotonic() + seconds
    while done(running) < tasks:
        if time.monotonic() > end:
            raise PeerError(f"{done(running)} of {tasks} tasks handled after {seconds} seconds")
        if any(worker.failed() for worker in running):
            raise PeerError(f"a worker died: {last_words(running[0].log)}")
        time.sleep(0.005)
