"""Shows on standard error what a long step is doing and for how long; standard output stays clean."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

Report = Callable[[str], None]
"""Tells what the step is doing at the moment, in a few words."""

console = Console(stderr=True, highlight=False)

_PLAIN_INTERVAL = 15.0
"""Seconds between two lines of a step where there is no terminal to redraw."""


@contextmanager
def step(title: str) -> Iterator[Report]:
    """Show a step while the block runs; the block calls what it is given with details."""
    started = time.monotonic()
    if console.is_terminal:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as progress:
            task = progress.add_task(title)
            yield lambda detail: progress.update(task, description=f"{title}: {detail}"[: console.width - 12])
    else:
        console.print(f"{title} ...", soft_wrap=True, markup=False)
        yield _plain_report(title, started)
    console.print(f"{title}: done in {time.monotonic() - started:.0f} s", soft_wrap=True, markup=False)


def _plain_report(title: str, started: float) -> Report:
    last = started

    def report(detail: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _PLAIN_INTERVAL:
            last = now
            console.print(f"{title}: {detail} ({now - started:.0f} s)", soft_wrap=True, markup=False)

    return report
