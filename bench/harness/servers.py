"""The servers that tasks are kept in, each started in a folder of the run and gone with it."""

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

HOST = "127.0.0.1"
TICKS = os.sysconf("SC_CLK_TCK")

# The same for every peer. Durability is PostgreSQL's default and stated all the same; the rest keeps checkpoints and
# a small cache from falling on whoever happens to run at that moment.
POSTGRES_SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "wal_level": "replica",
    "shared_buffers": "2GB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "30min",
    "max_connections": "200",
    "autovacuum": "on",
}


class ServerError(Exception):
    """A server did not start, or a command to it failed."""


def free_port():
    with socket.socket() as one:
        one.bind((HOST, 0))
        return one.getsockname()[1]


def wait_for_port(port, process, log, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.02)
    raise ServerError(f"{process.args[0]} does not answer on port {port}: {log.read_text()[-500:]}")


def stat_fields(pid):
    """What `/proc/PID/stat` says after the program's name, which may itself have spaces and parentheses."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def cpu_of(pids):
    """The CPU seconds of these processes and of the children they have waited for."""
    ticks = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            ticks += sum(int(field) for field in stat_fields(pid)[11:15])
    return ticks / TICKS


def family_of(ancestor):
    """This process and everything that descends from it. (PostgreSQL's backends make sessions of their own.)"""
    parents = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parents[int(name)] = int(stat_fields(name)[1])
    family = [ancestor]
    for pid in family:
        family += [child for child, parent in parents.items() if parent == pid]
    return family


def stop_family(process, how=signal.SIGTERM, seconds=10):
    """Asks a process that we started to end, and makes sure of it and of its descendants."""
    family = family_of(process.pid) if process.poll() is None else []
    if family:
        process.send_signal(how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
            return
    for pid in family:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.wait()


class Server:
    """A process that listens on a loopback port. A session of its own keeps Ctrl-C for us to deal with."""

    stop_signal = signal.SIGTERM

    def __init__(self, folder):
        self.folder = folder
        self.port = free_port()
        self.process = None

    def start(self, command, **options):
        self.folder.mkdir(parents=True, exist_ok=True)
        log = self.folder / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options
            )
        wait_for_port(self.port, self.process, log)

    def cpu(self):
        return cpu_of(family_of(self.process.pid))

    def stop(self):
        if self.process:
            stop_family(self.process, self.stop_signal)
        shutil.rmtree(self.folder, ignore_errors=True)


class Postgres(Server):
    """One cluster for the whole run; each scenario gets a new database, copied from the peer's prepared one.

    The postmaster waits for its children, so its CPU figures hold those of every backend that has left."""

    stop_signal = signal.SIGINT  # "fast": does not wait for clients

    def __init__(self, folder):
        super().__init__(folder)
        self.bin = postgres_bin()
        self.user = self.owner()

    @staticmethod
    def owner():
        """PostgreSQL refuses to run as root."""
        return "postgres" if os.getuid() == 0 else pwd.getpwuid(os.getuid()).pw_name

    def as_owner(self):
        return {"user": self.user, "group": self.user, "extra_groups": []} if os.getuid() == 0 else {}

    def start(self):
        self.folder.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self.folder, self.user, self.user)
        data = self.folder / "data"
        initdb = [self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"]
        subprocess.run(initdb, check=True, stdout=subprocess.DEVNULL, cwd=self.folder, **self.as_owner())
        settings = [f"-c{name}={value}" for name, value in POSTGRES_SETTINGS.items()]
        network = ["-p", str(self.port), f"-clisten_addresses={HOST}", f"-cunix_socket_directories={self.folder}"]
        super().start([self.bin / "postgres", "-D", data, *network, *settings], cwd=self.folder, **self.as_owner())
        self.sql("SELECT 1")

    def url(self, database):
        return f"postgres://postgres@{HOST}:{self.port}/{database}"

    def sql(self, statement, database="postgres"):
        command = ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", self.url(database), "-c", statement]
        for attempt in range(10):
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode == 0:
                return done.stdout.strip()
            if "starting up" not in done.stderr and "being accessed" not in done.stderr:
                break
            time.sleep(0.2 * (attempt + 1))
        raise ServerError(f"{statement}: {done.stderr.strip()}")

    def create(self, database, template="template0"):
        self.sql(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")
        self.sql(f"CREATE DATABASE {database} TEMPLATE {template}")

    def settle(self, database):
        """The planner knows what there is, and the checkpoint that earlier work caused is paid for."""
        self.sql("ANALYZE", database)
        self.sql("CHECKPOINT")

    def version(self):
        return self.sql("SHOW server_version")


def postgres_bin():
    """The newest PostgreSQL of the machine, or the one in PG_BIN."""
    if "PG_BIN" in os.environ:
        return Path(os.environ["PG_BIN"])
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4]))
    if not found:
        raise ServerError("no PostgreSQL server is installed: run scripts/setup.sh bench")
    return found[-1].parent


class Redis(Server):
    """Redis with an append-only file: `fsync` is `always` (each write is on disk first) or `everysec` (it is not)."""

    def __init__(self, folder, fsync):
        super().__init__(folder)
        self.fsync = fsync

    def start(self):
        options = ["--appendonly", "yes", "--appendfsync", self.fsync, "--save", "", "--maxmemory-policy", "noeviction"]
        network = ["--bind", HOST, "--port", str(self.port), "--dir", str(self.folder)]
        super().start(["redis-server", *network, *options])


class Beanstalkd(Server):
    """beanstalkd with a log that is synced after every write (-f0)."""

    def start(self):
        network = ["-l", HOST, "-p", str(self.port)]
        self.folder.mkdir(parents=True, exist_ok=True)
        super().start(["beanstalkd", *network, "-b", str(self.folder), "-f0"])


class Taskward(Server):
    """The release binary as a service in production mode, on PostgreSQL or on a SQLite file."""

    KEY = "a-key-for-the-benchmark-and-nothing-else"

    def __init__(self, folder, binary, database_url, settings=None):
        super().__init__(folder)
        self.binary = binary
        self.database_url = database_url
        self.settings = settings or {}

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "APP_ENV": "prod",
            "API_KEY": self.KEY,
            "DATABASE_URL": self.database_url,
            "TASKWARD__SERVER__HOST": HOST,
            "TASKWARD__SERVER__PORT": str(self.port),
            **self.settings,
        }
        super().start([self.binary, "serve"], env=environment, cwd=self.folder)

    def url(self):
        return f"http://{HOST}:{self.port}"
