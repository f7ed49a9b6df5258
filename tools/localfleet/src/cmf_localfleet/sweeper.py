"""Removes folders once a process has ended, however it ends. It is run as a script: PID FOLDER ..."""

import os
import select
import shutil
import sys
from contextlib import suppress


def sweep(pid: int, folders: list[str]) -> None:
    """Wait for the end of a process of this machine, which need not be a child, and remove folders."""
    with suppress(ProcessLookupError):  # it has ended already
        select.select([os.pidfd_open(pid)], [], [])
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sweep(int(sys.argv[1]), sys.argv[2:])
