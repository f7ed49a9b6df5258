"""Files that may change while the hub runs: certificates, keys, role bindings."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from prometheus_client import Gauge

from cmf_hub.clock import Clock

LOOK_SECONDS = 2.0
"""Time between two looks. Looking finds changes of every kind: a mounted Secret's files give no events of their own."""

_LONGEST = 4 * 1024 * 1024
STALE = Gauge(
    "cmf_auth_file_refused", "1 while what is in a file cannot be used, and what it held before is used on.", ["what"]
)

log = structlog.get_logger(__name__)


class WatchedFiles:
    """Files that are read again when they change; what cannot be used changes nothing.

    Args:
        what: what the files hold, for logs and metrics.
        paths: the files.
        use: takes the files' contents in; raises ValueError or OSError if they are not what they should be.
    """

    def __init__(self, what: str, paths: Sequence[Path], use: Callable[[Sequence[bytes]], None]) -> None:
        self._what = what
        self._paths = paths
        self._use = use
        self._seen = ""

    def load(self) -> None:
        """Read the files for the first time.

        Raises:
            OSError, ValueError: they cannot be read or used.
        """
        contents = [read(path) for path in self._paths]
        self._use(contents)
        self._seen = _digest(contents)
        STALE.labels(self._what).set(0)

    async def follow(self, clock: Clock) -> None:
        """Take in every change, until cancelled."""
        while True:
            await clock.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        try:
            contents = await asyncio.to_thread(lambda: [read(path) for path in self._paths])
            digest = _digest(contents)
            if digest == self._seen:
                return
            self._use(contents)
        except (OSError, ValueError) as error:
            problem = f"refused: {error}"
            if problem != self._seen:
                log.error(
                    f"{self._what} cannot be used: the former stay in force until the files are put right",
                    files=[str(path) for path in self._paths], why=str(error),
                )  # fmt: skip
            self._seen = problem
            STALE.labels(self._what).set(1)
            return
        self._seen = digest
        STALE.labels(self._what).set(0)
        log.info(f"{self._what} were read anew", files=[str(path) for path in self._paths])


def read(path: Path) -> bytes:
    """Return what is in a file.

    Raises:
        OSError: it cannot be read.
        ValueError: it is too large.
    """
    with path.open("rb") as file:
        content = file.read(_LONGEST + 1)
    if len(content) > _LONGEST:
        raise ValueError(f"{path} is larger than {_LONGEST // 1024**2} MB")
    return content


def _digest(contents: Sequence[bytes]) -> str:
    return "-".join(hashlib.sha256(content).hexdigest() for content in contents)
