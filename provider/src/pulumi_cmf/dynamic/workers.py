"""More than four calls at a time: Pulumi's server of dynamic providers has four threads, and no setting for them.

The pool that this thread belongs to is in the frame that the thread began with, and is looked up there. Where it is
not found (a test, another server) everything works, four at a time.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from types import FrameType

WORKERS = 64
"""Threads at most; they start when calls need them. The engine has four operations a core under way (`--parallel`)."""


def more_workers() -> None:
    """Let the pool of this thread grow to `WORKERS`."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to a caller's frame
    while frame is not None:
        reference = frame.f_locals.get("executor_reference")
        pool = reference() if callable(reference) else None
        if isinstance(pool, ThreadPoolExecutor):
            pool._max_workers = max(pool._max_workers, WORKERS)  # noqa: SLF001 - there is no other way to it
            return
        frame = frame.f_back
