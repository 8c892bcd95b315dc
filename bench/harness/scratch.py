"""A folder, and a PostgreSQL in it where the stores are there, for as long as something is measured."""

import contextlib
import os
import subprocess
import tempfile
from pathlib import Path

from harness import servers


@contextlib.contextmanager
def running(what, name, store, directory):
    """What `what(store, postgres, folder)` starts. It is stopped in the end, and the folder goes."""
    os.umask(0o022)
    folder = Path(tempfile.mkdtemp(prefix=f"taskward-{name}-", dir=directory))
    folder.chmod(0o755)  # PostgreSQL's user has to get in
    postgres = servers.Postgres(folder / "postgres")
    started = None
    try:
        if store == "postgres":
            postgres.start()
        started = what(store, postgres, folder)
        yield started
    finally:
        if started:
            started.stop()
        postgres.stop()
        subprocess.run(["rm", "-rf", folder], check=False)
