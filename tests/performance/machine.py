"""Where it runs: cores, load, limits, and what a process uses."""

from __future__ import annotations

import os
import platform
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

CORES = sorted(os.sched_getaffinity(0))
SERVER, CLIENT = CORES[0], CORES[-1]
"""The core of what is measured, and the core of what measures; the same one on a machine with one core."""


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Bind processes that are started inside to a core; what runs already stays where it is."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def move(pid: int, core: int) -> None:
    """Bind all threads of a process to a core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def description() -> str:
    """Return one line on the machine."""
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores {_model()}, {memory:.0f} GiB, Linux, Python {platform.python_version()}"


def say(text: str) -> None:
    """Show on standard error what is going on, with the time of day."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")


def load() -> float:
    """Return the load average of the last minute: what others do here, too."""
    return os.getloadavg()[0]


def cpu_seconds(*pids: int) -> float:
    """Return the processor time that processes have used so far."""
    every = [psutil.Process(pid).cpu_times() for pid in pids]
    return float(sum(times.user + times.system for times in every))


def memory(pid: int) -> float:
    """Return the resident memory of a process in MiB."""
    return float(psutil.Process(pid).memory_info().rss) / 2**20


def descriptors(wanted: int) -> int:
    """Let this process and its children open `wanted` files if the machine allows; return how many they may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(soft, allowed) if soft != resource.RLIM_INFINITY else wanted


def _model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
