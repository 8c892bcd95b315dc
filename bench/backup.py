#!/usr/bin/env python3
"""What a backup of a large store costs those who work meanwhile, and how fast it and the way back are. README.md says how."""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

from harness import servers
from harness.scenarios import TASKWARD_BINARY
from harness.stats import spread

QUIET_SECONDS = 8


def say(text):
    print(f"backup: {text}", file=sys.stderr, flush=True)


def timed(work):
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def size(path):
    """Bytes of a file, or of all files below a directory."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


class Store:
    """A service on a database, its backups, and what the database's own tools do beside them."""

    def __init__(self, folder, url, max_rate):
        self.folder = folder
        self.url = url
        self.max_rate = max_rate
        self.service = servers.Taskward(folder / "service", TASKWARD_BINARY, url)
        self.service.start()

    def taskward(self, *arguments, code=0):
        environment = {
            "PATH": os.environ["PATH"],
            "APP_ENV": "prod",
            "API_KEY": self.service.KEY,
            "DATABASE_URL": self.url,
            "TASKWARD_URL": self.service.url(),
            "TASKWARD__BACKUP__DIR": str(self.folder / "backups"),
            "TASKWARD__BACKUP__MAX_RATE": self.max_rate,
        }
        command = [str(part) for part in (TASKWARD_BINARY, *arguments)]
        done = subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True)
        if done.returncode != code:
            raise SystemExit(f"backup: taskward {' '.join(command[1:])} ended with {done.returncode}: {done.stderr[-800:]}")
        return done.stdout

    def completed(self):
        """Tasks that the service says are completed."""
        request = urllib.request.Request(self.service.url() + "/metrics")
        request.add_header("Authorization", f"Bearer {self.service.KEY}")
        with urllib.request.urlopen(request) as answer:
            lines = answer.read().decode().splitlines()
        finished = (line for line in lines if line.startswith("taskward_tasks_finished_total{"))
        return sum(float(line.split()[-1]) for line in finished if 'state="completed"' in line)

    def backup(self):
        """Makes a backup; the one before is removed."""
        shutil.rmtree(self.folder / "backups", ignore_errors=True)
        made = json.loads(self.taskward("backup", "create", "-o", "json"))
        self.id = made["manifest"]["id"]
        self.backup_bytes = size(Path(made["path"]))

    def restore(self):
        """Restores the latest backup to where nothing is."""
        self.remove(self.restored)
        self.taskward("restore", "run", self.id, "--target", self.restored, "--yes")

    def copy_restored(self):
        """A plain copy of what a restore made, on the disk at its end, as the restore is."""
        copied = self.restored.with_name("copied")
        self.remove(copied)
        seconds = timed(lambda: self.copy([self.restored], copied))
        self.remove(copied)
        return seconds

    @staticmethod
    def remove(path):
        shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)

    @staticmethod
    def copy(paths, to):
        subprocess.run(["cp", "-a", *paths, to], check=True)
        subprocess.run(["sync", "--file-system", to], check=True)


class SqliteStore(Store):
    tool = "cp"

    def __init__(self, folder, max_rate):
        self.database = folder / "data" / "taskward.db"
        self.database.parent.mkdir()
        self.restored = folder / "restored.db"
        super().__init__(folder, f"sqlite:{self.database}", max_rate)

    def data_bytes(self):
        return size(self.database)

    def alone(self):
        """The file and its log, copied as if nobody wrote to them."""
        copied = self.folder / "copied"
        copied.mkdir()
        seconds = timed(lambda: self.copy(list(self.database.parent.glob("taskward.db*")), copied))
        self.remove(copied)
        return seconds

    def stop(self):
        self.service.stop()


class PostgresStore(Store):
    tool = "pg_basebackup"

    def __init__(self, folder, max_rate):
        self.postgres = servers.Postgres(folder / "postgres")
        self.postgres.start()
        self.postgres.create("filled")
        self.restored = folder / "restored"
        super().__init__(folder, self.postgres.url("filled"), max_rate)

    def data_bytes(self):
        return int(self.postgres.sql("SELECT pg_database_size('filled')"))

    def alone(self):
        """PostgreSQL's own copy, without compression, on the disk at its end."""
        copied = self.folder / "copied"
        command = [self.postgres.bin / "pg_basebackup", "-d", self.url, "-D", copied]
        command += ["--format=tar", "--wal-method=stream", "--checkpoint=fast"]
        seconds = timed(lambda: subprocess.run(command, check=True))
        self.remove(copied)
        return seconds

    def stop(self):
        self.service.stop()
        self.postgres.stop()


class Drain:
    """`taskward bench` works off as many tasks as there are. All windows of time are within its one drain."""

    def __init__(self, store, tasks):
        self.store = store
        self.tasks = tasks
        self.said = None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        say(f"adding {tasks:,} tasks")
        while store.completed() < tasks / 100:
            self.alive()
            time.sleep(0.5)

    def run(self):
        options = ["--scenario", "drain", "--tasks", self.tasks, "--workers", 2, "--yes", "-o", "json"]
        self.said = json.loads(self.store.taskward("bench", "--url", self.store.service.url(), *options))

    def alive(self):
        if not self.thread.is_alive():
            raise SystemExit("backup: the drain ended before it was measured: more tasks are needed")

    def during(self, work):
        """What the work took, the rate of the drain meanwhile, and whether the drain outlasted it."""
        before, begun = self.store.completed(), time.monotonic()
        took = work()
        elapsed, after = time.monotonic() - begun, self.store.completed()
        return took or elapsed, (after - before) / elapsed, after < self.tasks * 0.99

    def rounds(self):
        """Turn by turn as long as there are tasks: nothing, the tool alone, nothing, a backup."""
        quiet = lambda: self.during(lambda: time.sleep(QUIET_SECONDS))
        before, found = quiet(), []
        while True:
            tool = self.during(self.store.alone)
            between = quiet()
            backup = self.during(lambda: timed(self.store.backup))
            after = quiet()
            if not after[2]:
                break
            found.append({
                "tool_seconds": tool[0],
                "backup_seconds": backup[0],
                "speed": tool[0] / backup[0],
                "tool_drain": tool[1] / ((before[1] + between[1]) / 2),
                "drain": backup[1] / ((between[1] + after[1]) / 2),
                "rate": after[1],
            })
            say(f"while draining: {shown(found[-1])}")
            before = after
        self.thread.join()
        if not self.said or not self.said["balance"]["agrees"]:
            raise SystemExit(f"backup: the books do not balance: {self.said}")
        return found


def idle(store, rounds):
    """The same without load, and the way back beside a plain copy of what it makes."""
    found = []
    for _ in range(rounds):
        one = {"tool_seconds": store.alone(), "backup_seconds": timed(store.backup)}
        one |= {"restore_seconds": timed(store.restore), "copy_seconds": store.copy_restored()}
        one["speed"] = one["tool_seconds"] / one["backup_seconds"]
        one["restore"] = one["restore_seconds"] / one["copy_seconds"]
        found.append(one)
        say(f"idle: {shown(one)}")
    return found


def shown(one):
    return ", ".join(f"{name} {value:,.2f}" for name, value in one.items())


def table(store, tasks, draining, resting, check):
    def cell(rounds, name, unit=""):
        found = spread([one.get(name) for one in rounds])
        return f"{found[0]:,.2f}{unit} ({found[1]:,.2f}–{found[2]:,.2f})" if found else "–"

    print(f"{tasks:,} tasks, {store.data_bytes() / 1e9:.1f} GB; a backup has {store.backup_bytes / 1e9:.2f} GB; {store.tool} beside it\n")
    print("| | while draining | idle |\n|---|---|---|")
    rows = {
        f"`{store.tool}` alone": ("tool_seconds", " s"),
        "`backup create`": ("backup_seconds", " s"),
        "speed of the backup, to that alone": ("speed", ""),
        "rate of the drain meanwhile, to that before and after": ("drain", ""),
        f"the same while `{store.tool}` copies": ("tool_drain", ""),
        "`restore run`": ("restore_seconds", " s"),
        "a plain copy of what it made": ("copy_seconds", " s"),
        "time of the restore, to that of the copy": ("restore", ""),
    }
    for what, (name, unit) in rows.items():
        print(f"| {what} | {cell(draining, name, unit)} | {cell(resting, name, unit)} |")
    print(f"\nRounds: {len(draining)} while draining, {len(resting)} idle. `db check`: {check:.1f} s.")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=["postgres", "sqlite"], default="postgres")
    parser.add_argument("--millions", type=float, default=5, help="how many million tasks there are (5)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds without load (3)")
    parser.add_argument("--max-rate", default="", help="`backup.max_rate` of the backups (none)")
    parser.add_argument("--dir", default="/var/tmp", help="where everything is, on a real disk (/var/tmp)")
    return parser.parse_args()


def main():
    args = arguments()
    os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix="taskward-backup-", dir=args.dir))
    folder.chmod(0o755)  # PostgreSQL's user has to get in
    tasks = int(args.millions * 1e6)
    store = None
    try:
        store = (PostgresStore if args.store == "postgres" else SqliteStore)(folder, args.max_rate)
        draining = Drain(store, tasks).rounds()
        resting = idle(store, args.rounds)
        check = timed(lambda: store.taskward("db", "check", "--timeout", "30m"))
        table(store, tasks, draining, resting, check)
    finally:
        if store:
            store.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
