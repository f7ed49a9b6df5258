"""Wait for a condition of a process outside the test; the only place where a test sleeps."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_for(condition: Callable[[], T], what: str, seconds: float = 30.0, every: float = 0.1) -> T:
    """Return the first truthy value of `condition`; fail the test with its last value after `seconds`."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}; last seen: {value!r}"
        time.sleep(every)
    return value


async def eventually(condition: Callable[[], T], what: str, seconds: float = 30.0, every: float = 0.05) -> T:
    """Do the same as `wait_for` inside an event loop, whose tasks go on meanwhile."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s in vain for {what}; last seen: {value!r}"
        await asyncio.sleep(every)
    return value
