"""Time as a dependency: whoever waits or stamps takes a clock, so that tests advance it by hand."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where the hub's components get time from."""

    def now(self) -> datetime:
        """Wall-clock time in UTC; for time stamps only, because it may jump."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards; for intervals and time limits."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Wall-clock time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds of the machine's monotonic clock."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Sleep in the event loop."""
        await asyncio.sleep(seconds)
