"""The command behind ``make bench``."""

from __future__ import annotations

import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from tests.performance import curves, growth, machine, page, peer, provider, scale
from tests.performance.figures import Curve, Figure, Summary
from tests.performance.machine import say
from tests.performance.peer import Effort

OUTPUT = Path(".bench")
_MEMORY = Path("/dev/shm")
_ROOM = 4 * 2**30


class Mode(StrEnum):
    """How much is measured."""

    QUICK = "quick"
    FULL = "full"


class Part(StrEnum):
    """What is measured."""

    PEER = "peer"
    GROWTH = "growth"
    SCALE = "scale"
    PROVIDER = "provider"


def main(
    parts: Annotated[list[Part] | None, typer.Argument(help="what to measure; all of it if nothing is named")] = None,
    mode: Annotated[Mode, typer.Option(envvar="BENCH", help="quick: minutes; full: up to 100,000 and 5,000")] = (
        Mode.QUICK
    ),
    sizes: Annotated[
        list[int] | None,
        typer.Option("--size", help="numbers of applications, clusters or resources (provider), instead of the mode's"),
    ] = None,
    minutes: Annotated[float, typer.Option(help="time that one part may take")] = 45,
    write_page: Annotated[bool, typer.Option("--page", help="write docs/performance.md from the last runs")] = False,
) -> None:
    """Measure the hub beside its peers. Tables and curves go to .bench/, with the figures of each part as JSON."""
    console = Console(width=None if Console().is_terminal else 200)
    OUTPUT.mkdir(exist_ok=True)
    if write_page:
        page.write([Summary.read(file) for part in Part if (file := _file(part)).exists()])
        return
    for part in parts or list(Part):
        summary = Summary(machine.description(), mode, f"{datetime.now(UTC):%Y-%m-%d}", _revision())
        try:
            with _at_most(minutes), _folder() as folder:
                for found in _measure(part, mode, sizes, folder):
                    summary.load.append(machine.load())
                    if isinstance(found, Curve):
                        summary.curves.append(found)
                    else:
                        summary.figures.append(found)
                        say(f"{found.name}: {found.ours:.4g} {found.unit}")
        finally:  # what was measured before something failed is worth keeping
            if summary.figures:
                summary.write(_file(part))
                summary.show(console)
                for file in curves.draw(summary.curves, OUTPUT):
                    console.print(f"drawn: {file}")


def _file(part: Part) -> Path:
    return OUTPUT / f"{part}.json"


@contextmanager
def _at_most(minutes: float) -> Iterator[None]:
    """Raise `TimeoutError` in what takes longer."""

    def late(*_: object) -> None:
        raise TimeoutError(
            f"not done after {minutes:g} minutes: measure less with --size, or allow more with --minutes"
        )

    signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, minutes * 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _measure(part: Part, mode: Mode, sizes: Sequence[int] | None, folder: Path) -> Iterator[Figure | Curve]:
    full = mode is Mode.FULL
    match part:
        case Part.PEER:
            yield from peer.measure(folder, Effort(10, 2.0) if full else Effort(5, 1.0))
        case Part.GROWTH:
            many = sizes or ((1_000, 3_000, 10_000, 30_000, 100_000) if full else (1_000, 3_000, 10_000))
            yield from growth.measure(folder, Effort(3, 1.0) if full else Effort(1, 1.0), many)
        case Part.SCALE:
            yield from scale.measure(folder, sizes or ((200, 1_000, 5_000) if full else (200, 1_000)))
        case Part.PROVIDER:
            yield from provider.measure(folder, provider.Effort(sizes or (1, 100, 1_000), 5 if full else 3))


@contextmanager
def _folder() -> Iterator[Path]:
    """Give a folder in memory if there is room: the local clusters' etcd does not wait for a disk either."""
    in_memory = _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM
    with tempfile.TemporaryDirectory(prefix="cmf-bench-", dir=_MEMORY if in_memory else None) as name:
        yield Path(name)


def _revision() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


if __name__ == "__main__":
    typer.run(main)
