"""The raw limits of the machine, measured by bench/raw in the same run as the peers."""

from dataclasses import dataclass

from harness.processes import PeerError, call, last_line


@dataclass(frozen=True)
class Limit:
    """One row of the table: `operation` is what bench/raw calls it."""

    title: str
    operation: str
    clients: int = 1
    batch: int = 1
    rows: int = 100_000


LIMITS = [
    Limit("PostgreSQL: insert, one row a commit, 1 connection", "postgres-insert", 1),
    Limit("PostgreSQL: insert, one row a commit, 16 connections", "postgres-insert", 16),
    Limit("PostgreSQL: insert, one row a commit, 64 connections", "postgres-insert", 64),
    Limit("PostgreSQL: the same with a NOTIFY in the transaction, 16 connections", "postgres-notify", 16),
    Limit("PostgreSQL: insert 1000 from unnest, 1 connection", "postgres-insert", 1, 1000),
    Limit("PostgreSQL: insert 1000 from unnest, 4 connections", "postgres-insert", 4, 1000),
    Limit("PostgreSQL: claim 1000, 1 connection", "postgres-claim", 1, 1000),
    Limit("PostgreSQL: claim 1000, 2 connections", "postgres-claim", 2, 1000),
    Limit("PostgreSQL: delete 1000 by id, 1 connection", "postgres-delete", 1, 1000),
    Limit("PostgreSQL: drain, claim and delete 500, 2 connections", "postgres-drain", 2, 500),
    Limit("PostgreSQL: drain, claim and update 500, 2 connections", "postgres-drainkeep", 2, 500),
    Limit("PostgreSQL: insert, claim and delete 500 all the time, 2 connections", "postgres-steady", 2, 500),
    Limit("SQLite (WAL, FULL): insert, one row a commit", "sqlite-insert"),
    Limit("SQLite (WAL, FULL): insert, 1000 rows a commit", "sqlite-insert", 1, 1000),
    Limit("SQLite (WAL, FULL): claim 1000", "sqlite-claim", 1, 1000),
    Limit("SQLite (WAL, FULL): delete 1000 by id", "sqlite-delete", 1, 1000),
    Limit("HTTP: an empty JSON handler (axum), 1 client", "http-post"),
    Limit("HTTP: an empty JSON handler (axum), 16 clients", "http-post", 16),
    Limit("disk: write 8 KiB, fdatasync", "disk-sync"),
]


def measure(limit, binary, postgres, folder, seconds, share):
    """`share` makes the rows fewer for a smoke run."""
    postgres.create("raw")
    postgres.sql("CHECKPOINT")
    environment = {"DATABASE_URL": postgres.url("raw"), "BENCH_FOLDER": str(folder)}
    options = {
        "--clients": limit.clients,
        "--batch": limit.batch,
        "--milliseconds": int(seconds * 1000),
        "--rows": int(limit.rows * share),
    }
    arguments = [str(part) for pair in options.items() for part in pair]
    said = last_line(call([str(binary), limit.operation, *arguments], environment, folder / "raw.log"))
    postgres.sql("DROP DATABASE raw WITH (FORCE)")
    if not said["count"]:
        raise PeerError("nothing was counted")
    return {"count": said["count"], "rate": said["count"] / said["seconds"]}
