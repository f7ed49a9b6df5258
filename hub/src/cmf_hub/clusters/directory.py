"""The directory of kubeconfigs: which files there are, and what is new since the last look (C10-C18).

Events of the file system only say that it is time to look. In a mounted Secret all files are links through
`..data`, which is swapped as a whole: a changed file has no event of its own; and on some volumes there are
no events at all. So any event, and every ten seconds, makes the whole directory be read, and contents are
compared. A content counts once it was the same in two looks, so that a file that is still being written, or
replaced by deleting it first, is neither taken half nor removed.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import stat
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

import structlog
from cmf_core.rules.names import cluster_name
from watchfiles import awatch

from cmf_hub.clock import Clock
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.kubeconfig import MAX_BYTES, KubeconfigRefused, Policy, parse

LOOK_SECONDS = 10.0
"""Longest time between two looks at the directory."""

_SETTLE_SECONDS = 0.2
_LOOKS_TO_SETTLE = 25

log = structlog.get_logger(__name__)


class Change(NamedTuple):
    """What became of the kubeconfig of one name: credentials, a refusal, or None if it is gone."""

    name: str
    found: ClusterCredentials | KubeconfigRefused | None


class KubeconfigDirectory:
    """One directory of kubeconfigs.

    Args:
        path: the directory; it may come later.
        policy: what kubeconfigs may say.
    """

    def __init__(self, path: Path, policy: Policy) -> None:
        self.path = path
        self.problem: str | None = None
        """Why the directory cannot be read, or None."""
        self._policy = policy
        self._seen: dict[str, str] | None = None
        self._known: dict[str, str] = {}

    def look(self) -> tuple[list[Change], bool]:
        """Read the directory; return what is new and settled, and whether something is not settled yet.

        While the directory cannot be read everything stays as it was: a volume that is not mounted for a
        moment must not deregister a fleet.
        """
        try:
            contents = self._contents()
        except OSError as error:
            self._report_problem(error.strerror or str(error))
            return [], False
        self._report_problem(None)
        before, self._seen = self._seen, {name: _digest(content) for name, content in contents.items()}
        changes, unsettled = [], False
        for name in sorted({*self._seen, *self._known}):
            digest = self._seen.get(name)
            if digest == self._known.get(name):
                continue
            if before is None or digest != before.get(name):
                unsettled = True
                continue
            if digest is None:
                del self._known[name]
            else:
                self._known[name] = digest
            changes.append(Change(name, self._meaning(contents.get(name))))
        return changes, unsettled

    def forget(self, name: str) -> None:
        """Report this name again at the next look, because the last report could not be acted on."""
        self._known[name] = ""

    async def changes(self, clock: Clock) -> AsyncGenerator[list[Change], None]:
        """Yield what is new: at once, after events, and at least every `LOOK_SECONDS`, be it nothing."""
        yield await self._settled(clock)
        while True:
            place = _identity(self.path)
            try:
                if place is not None:
                    async with aclosing(_events(self.path)) as events:
                        async for _ in events:
                            yield await self._settled(clock)
                            if _identity(self.path) != place:
                                break
                    continue
            except (OSError, RuntimeError) as error:
                # The directory went at this very moment, or the machine has no inotify watches left.
                log.warning("no events from the kubeconfig directory", directory=str(self.path), why=str(error))
            await clock.sleep(LOOK_SECONDS)
            yield await self._settled(clock)

    async def _settled(self, clock: Clock) -> list[Change]:
        """Look until nothing moves any more, or for five seconds: a file that never rests delays no other."""
        found: list[Change] = []
        for _ in range(_LOOKS_TO_SETTLE):
            changes, unsettled = await asyncio.to_thread(self.look)
            found += changes
            if not unsettled:
                break
            await clock.sleep(_SETTLE_SECONDS)
        return found

    def _contents(self) -> dict[str, bytes | KubeconfigRefused]:
        """Return what each name holds, or why it cannot be a kubeconfig. Dot files are no clusters (C18)."""
        root = self.path.resolve(strict=True)
        contents: dict[str, bytes | KubeconfigRefused] = {}
        for name in os.listdir(root):  # noqa: PTH208 - names, also those that are not text
            if name.startswith("."):
                continue
            printable = os.fsencode(name).decode(errors="backslashreplace")
            verdict = cluster_name(printable)
            try:
                contents[printable] = KubeconfigRefused(verdict.message) if verdict else _read_inside(root, name)
            except FileNotFoundError:
                continue
            except KubeconfigRefused as refusal:
                contents[printable] = refusal
        return contents

    def _meaning(self, content: bytes | KubeconfigRefused | None) -> ClusterCredentials | KubeconfigRefused | None:
        if not isinstance(content, bytes):
            return content
        try:
            return parse(content, self._policy)
        except KubeconfigRefused as refusal:
            return refusal

    def _report_problem(self, problem: str | None) -> None:
        if problem != self.problem and problem is not None:
            log.warning(
                "kubeconfig directory cannot be read: clusters stay as they are", directory=str(self.path), why=problem
            )
        self.problem = problem


def read_file(path: Path) -> bytes:
    """Return the content of a kubeconfig file.

    Raises:
        FileNotFoundError: there is none.
        KubeconfigRefused: it is no plain file, is too large, or cannot be read.
    """
    try:
        # Opening a FIFO would otherwise wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise KubeconfigRefused("it is not a plain file")
            if status.st_size > MAX_BYTES:
                raise KubeconfigRefused(
                    f"it is larger than {MAX_BYTES // 1024**2} MB: remove what the hub does not need"
                )
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(MAX_BYTES + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise KubeconfigRefused(f"it cannot be read ({error.strerror or error})") from error


def _read_inside(root: Path, name: str) -> bytes:
    try:
        target = (root / name).resolve(strict=True)
    except RuntimeError as error:
        raise KubeconfigRefused("it is a link to itself") from error
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise KubeconfigRefused(f"it cannot be read ({error.strerror or error})") from error
    if not target.is_relative_to(root):
        raise KubeconfigRefused("it is a link out of the directory: copy the file, or mount it there")
    return read_file(target)


def _digest(content: bytes | KubeconfigRefused) -> str:
    return hashlib.sha256(content).hexdigest() if isinstance(content, bytes) else f"refused: {content}"


def _events(path: Path) -> AsyncGenerator[object, None]:
    """Yield when something happens in a directory, and at the latest after `LOOK_SECONDS`."""
    longest = int(LOOK_SECONDS * 1000)
    return awatch(
        path, watch_filter=None, recursive=False, debounce=1000, step=100, rust_timeout=longest, yield_on_timeout=True
    )


def _identity(path: Path) -> tuple[int, int] | None:
    """Which directory is at this path: file-system events stop when it is replaced by another."""
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None
