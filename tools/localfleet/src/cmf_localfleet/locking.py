"""Two commands at once: the second waits for the first."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cmf_localfleet.progress import console


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` for the block; say so if another process has it. A dead process holds none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print(f"Waiting for another process that holds {path} ...", soft_wrap=True, markup=False)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
