"""Pictures of a summary's curves: one for each name, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from tests.performance.figures import Curve

_MARKERS = "osv^D<>Px*ph"


def draw(curves: Iterable[Curve], folder: Path) -> list[Path]:
    """Write a PNG for each picture that the curves belong to, and return the files."""
    pictures: dict[str, list[Curve]] = {}
    for curve in curves:
        pictures.setdefault(curve.picture, []).append(curve)
    return [_draw(lines, folder / f"{name}.png") for name, lines in pictures.items()]


def _draw(lines: list[Curve], file: Path) -> Path:
    figure, axes = plt.subplots(figsize=(9, 5.5), layout="constrained")
    for line, marker in zip(lines, _MARKERS * 2, strict=False):
        axes.plot(*zip(*line.points, strict=True), marker=marker, markersize=5, linewidth=1.4, label=line.name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(lines[0].x_label)
    axes.set_ylabel(lines[0].y_label)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.yaxis.set_major_formatter("{x:,g}")
    axes.grid(True, which="major", alpha=0.3)
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
    figure.savefig(file, dpi=110)
    plt.close(figure)
    return file
