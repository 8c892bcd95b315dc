"""What a reader has to know about the machine."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path


def first(pattern, path):
    found = re.search(pattern, Path(path).read_text(), re.MULTILINE)
    return found[1] if found else "?"


def filesystem(folder):
    done = subprocess.run(["stat", "-f", "-c", "%T", str(folder)], capture_output=True, text=True)
    return done.stdout.strip() or "?"


def describe(folder):
    memory = int(first(r"^MemTotal:\s+(\d+)", "/proc/meminfo")) / 1024 / 1024
    model = first(r"^model name\s*: (.*)$", "/proc/cpuinfo")
    system = first(r'^PRETTY_NAME="(.*)"', "/etc/os-release")
    return {
        "processor": f"{model}, {os.cpu_count()} cores",
        "memory": f"{memory:.0f} GiB",
        "system": f"{system}, Linux {platform.release()}",
        "file system of the data": filesystem(folder),
        "load before the run (1, 5, 15 minutes)": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def missing_programs(names):
    return [name for name in names if not shutil.which(name)]
