"""Kills what a killed test run leaves of Pulumi: its engine, and the providers that the engine has started.

As a script, PID: waits for the end of a process, however it ends, and kills all that carry its mark.
"""

import os
import select
import sys
import time
from contextlib import suppress

import psutil

MARK = "TESTS_OF_PROCESS"
_PASSES, _PAUSE_SECONDS = 100, 0.1


def mark() -> dict[str, str]:
    """Return the environment that is inherited by all that must not outlive this process."""
    return {MARK: str(os.getpid())}


def start() -> None:
    """Start the guard of this process; on Linux."""
    if sys.platform == "linux":
        os.posix_spawn(sys.executable, [sys.executable, __file__, str(os.getpid())], os.environ, setsid=True)


def _guard(pid: int) -> None:
    with suppress(ProcessLookupError):  # it has ended already
        select.select([os.pidfd_open(pid)], [], [])
    for _ in range(_PASSES):  # one that is killed may just have started another
        marked = [process for process in psutil.process_iter() if _is_marked(process, str(pid))]
        if not marked:
            return
        for process in marked:
            process.kill()
        time.sleep(_PAUSE_SECONDS)


def _is_marked(process: psutil.Process, pid: str) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE and process.environ().get(MARK) == pid
    except psutil.Error:
        return False


if __name__ == "__main__":
    _guard(int(sys.argv[1]))
