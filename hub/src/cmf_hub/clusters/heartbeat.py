"""Who is probed when: each cluster at once, and then once an interval, for as long as it is started.

After the first probe the clusters are spread over the interval by their names, so that a thousand of them
do not answer in the same moment. A bound on probes at the same time keeps each of them short. Clusters that
did not answer last time have a bound of their own: however many of them hang until their time limit, the
others are not probed later for it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable

import structlog

from cmf_hub.clock import Clock

PROBES_AT_ONCE = 64
"""Probes under way at the same time, of the clusters that answered last time, and again of those that did not."""

Probe = Callable[[str], Awaitable[bool]]

log = structlog.get_logger(__name__)


class Heartbeat:
    """Probes of all clusters.

    Args:
        probe: probes the cluster of this name, within its own time limit; returns whether it answered.
        interval: seconds from one probe of a cluster to its next; 0 never probes (C60).
        clock: where time comes from.
    """

    def __init__(self, probe: Probe, interval: float, clock: Clock) -> None:
        self._probe = probe
        self._interval = interval
        self._clock = clock
        self._answering = asyncio.Semaphore(PROBES_AT_ONCE)
        self._silent = asyncio.Semaphore(PROBES_AT_ONCE)
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, name: str) -> None:
        """Probe a cluster at once and then at every interval; a probe of it that is under way is given up."""
        self.stop(name)
        if self._interval:
            self._tasks[name] = asyncio.create_task(self._beat(name), name=f"heartbeat of {name}")

    def stop(self, name: str) -> None:
        """Probe a cluster no more."""
        task = self._tasks.pop(name, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop all probes, and return when none is under way."""
        tasks = list(self._tasks.values())
        for name in list(self._tasks):
            self.stop(name)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _beat(self, name: str) -> None:
        answered = await self._once(name, self._answering)
        due = self._clock.monotonic() + self._interval * _phase(name)
        while True:
            await self._clock.sleep(max(0.0, due - self._clock.monotonic()))
            answered = await self._once(name, self._answering if answered else self._silent)
            # Beats that were missed, because the machine slept, are not made up for.
            due = max(due + self._interval, self._clock.monotonic())

    async def _once(self, name: str, bound: asyncio.Semaphore) -> bool:
        async with bound:
            try:
                return await self._probe(name)
            except Exception:
                # A defect that one answer uncovers must not end the watch over this cluster.
                log.exception("heartbeat failed unexpectedly", cluster=name)
                return False


def _phase(name: str) -> float:
    """Part of an interval, from a half to one, after which a cluster's second probe comes."""
    return 0.5 + zlib.crc32(name.encode()) / 2**33
