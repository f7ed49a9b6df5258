"""Waiting for a cluster, pool, application or statement to become what was asked for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from cmf_core.errors import ClusterUnavailable, CmfError, HubUnreachable, ServerError, TooManyRequests

Progress = Callable[[str], None]
"""Takes a line for the user on how far an operation is."""

_FIRST_PAUSE, _LONGEST_PAUSE, _GROWTH = 0.2, 2.0, 1.5
"""Seconds between two looks, which are cheap: what is there is noticed a second later, in the middle."""
_PASSING = (HubUnreachable, ClusterUnavailable, ServerError, TooManyRequests)


class Clock(Protocol):
    """Time, so that a test's hour takes no time."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's clock."""

    def monotonic(self) -> float:
        """Return seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


@dataclass(frozen=True)
class Look:
    """What one look at a resource showed.

    Attributes:
        line: what it is now, for the user, as in `phase PENDING: session cluster is being created`.
        done: it is what was waited for.
        hopeless: it will not get there by waiting.
    """

    line: str
    done: bool = False
    hopeless: bool = False


class WaitFailed(Exception):
    """What was waited for did not come; the text says what is there instead."""


class WaitInterrupted(WaitFailed):
    """The user gave the wait up; what was written stays, and the next update waits on."""


async def wait_until(
    look: Callable[[], Awaitable[Look]], what: str, goal: str, *, limit: float, clock: Clock, progress: Progress
) -> None:
    """Look until it is done, and report each change.

    A server that cannot be reached or fails is a passing trouble here, until the time is over.

    Args:
        look: reads the resource.
        what: the resource, as in `ComputePool 'p'`; progress is shown beside it, and does not repeat it.
        goal: what it shall be, as in `RUNNING`.
        limit: seconds.
        clock: time.
        progress: takes a line for each change.

    Raises:
        WaitFailed: it is hopeless, or the time is over.
        WaitInterrupted: the task was cancelled. A cancelled wait ends as an error, not as a cancellation, so that
            who waits can still say what it has written.
        CmfError: the server refuses the look.
    """
    told: list[str] = []

    def tell(line: str) -> None:
        told.append(line)
        progress(f"waiting until it is {goal}: {line}")

    try:
        await _waited(look, what, goal, limit=limit, clock=clock, tell=tell)
    except asyncio.CancelledError as error:
        seen = f" ({told[-1]})" if told else ""
        raise WaitInterrupted(
            f"interrupted while {what} was not {goal} yet{seen}: what was sent stays, the next update waits on"
        ) from error


async def _waited(
    look: Callable[[], Awaitable[Look]], what: str, goal: str, *, limit: float, clock: Clock, tell: Progress
) -> None:
    deadline, pause, said = clock.monotonic() + limit, _FIRST_PAUSE, ""
    while True:
        try:
            seen = await look()
        except _PASSING as error:
            seen = Look(_first_line(error))
        if seen.done:
            return
        if seen.hopeless:
            raise WaitFailed(f"{what} will not be {goal}: {seen.line}")
        if seen.line != said:
            said = seen.line
            tell(said)
        if clock.monotonic() + pause > deadline:
            raise WaitFailed(f"{what} was not {goal} within {limit:g} s: {seen.line}")
        await clock.sleep(pause)
        pause = min(pause * _GROWTH, _LONGEST_PAUSE)


def _first_line(error: CmfError) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
