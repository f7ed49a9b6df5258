"""What came out: figures beside their peers, as a table, as JSON, and as the page in docs/."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        part: what it belongs to.
        name: what was measured.
        unit: its unit.
        ours: the hub's, or the provider's.
        peer: the peer's, or None if it has none.
        ratio: ours to the peer's: the median of the pairs, which is not quite the ratio of the medians.
        goal: what the ratio should be, as in `>= 3` or `<= 1.5`; "" if there is no goal.
        note: what to know about it.
    """

    part: str
    name: str
    unit: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    goal: str = ""
    note: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None if there is none."""
        if not self.goal or self.ratio is None:
            return None
        sign, bound = self.goal.split()
        return self.ratio >= float(bound) if sign == ">=" else self.ratio <= float(bound)


@dataclass(frozen=True)
class Curve:
    """One line of a picture: y over x."""

    picture: str
    name: str
    x_label: str
    y_label: str
    points: list[tuple[float, float]]


@dataclass
class Summary:
    """Everything that one run found of a part."""

    machine: str
    mode: str
    date: str
    revision: str
    load: list[float] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return a summary that was written."""
        given = json.loads(file.read_text())
        figures = [Figure(**each) for each in given.pop("figures")]
        curves = [Curve(**each) for each in given.pop("curves")]
        return cls(**given, figures=figures, curves=curves)

    def write(self, file: Path) -> None:
        """Write it as JSON."""
        file.write_text(json.dumps(asdict(self), indent=1) + "\n")

    def show(self, console: Console) -> None:
        """Print it as a table."""
        table = Table(title=f"{self.machine}; {self.mode} run of {self.revision}, load {max(self.load):.1f} at most")
        for heading in _HEADINGS:
            table.add_column(heading, justify="left" if heading in _TEXTS else "right")
        part = ""
        for figure in self.figures:
            if figure.part != part:
                table.add_section()
            part = figure.part
            colour = {True: "green", False: "red", None: ""}[figure.met]
            table.add_row(*_cells(figure), style=colour)
        console.print(table)

    def markdown(self) -> str:
        """Return the sections of docs/performance.md."""
        run = f"{self.mode.capitalize()} run of {self.revision}, {self.date}"
        run += f", load average {min(self.load):.1f} to {max(self.load):.1f}."
        parts: dict[str, list[Figure]] = {}
        for figure in self.figures:
            parts.setdefault(figure.part, []).append(figure)
        return "\n\n".join(f"## {part}\n\n{run}\n\n{_markdown(figures)}" for part, figures in parts.items())


_HEADINGS = ("what", "ours", "peer", "unit", "ratio", "goal", "note")
_TEXTS = ("what", "unit", "note")


def _cells(figure: Figure) -> Sequence[str]:
    peer = "" if figure.peer is None else _number(figure.peer)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    goal = figure.goal and f"{figure.goal} {'met' if figure.met else 'missed'}"
    return (figure.name, _number(figure.ours), peer, figure.unit, ratio, goal, figure.note)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _markdown(figures: Iterable[Figure]) -> str:
    rows = [_HEADINGS, tuple("---" if heading in _TEXTS else "---:" for heading in _HEADINGS), *map(_cells, figures)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
