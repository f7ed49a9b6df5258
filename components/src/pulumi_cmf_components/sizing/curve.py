"""The curve of an estimate: cores and memory against the rate. Needs the extra `draw`: Matplotlib."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
from cmf_core.rules.sizing import GIB, Rates, Workload
from matplotlib.figure import Figure

from pulumi_cmf_components.sizing.estimate import Estimate, estimate

_POINTS = 400


def what_if(workload: Workload, rates: Rates, most: float, points: int = _POINTS) -> list[Estimate]:
    """Return estimates for rates from 0 to `most` records a second, evenly spread."""
    steps = (most * point / points for point in range(points + 1))
    return [estimate(replace(workload, records_per_second=rate), rates) for rate in steps]


def draw_curve(estimates: list[Estimate], title: str, marked: float, file: Path) -> None:
    """Draw cores and memory against the rate, and mark one rate; the file's suffix says the format, svg or png."""
    rates = [each.workload.records_per_second / 1000 for each in estimates]
    with mpl.rc_context({"svg.hashsalt": "cmf-size", "svg.fonttype": "none", "font.size": 10}):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        cores, memory = figure.subplots(2, 1, sharex=True)
        series = (
            (cores, "cores", "#1f6feb", [each.total_cores for each in estimates]),
            (memory, "memory, GiB", "#b35900", [each.total_memory_bytes / GIB for each in estimates]),
        )
        for axes, label, colour, values in series:
            axes.step(rates, values, where="post", color=colour, linewidth=2)
            axes.axvline(marked / 1000, color="#57606a", linestyle="--", linewidth=1)
            axes.set_ylabel(label)
            axes.set_ylim(bottom=0)
            axes.set_xlim(rates[0], rates[-1])
            axes.grid(visible=True, color="#d0d7de", linewidth=0.6)
            axes.spines[["top", "right"]].set_visible(False)
        memory.set_xlabel(f"thousand records a second (dashed: {marked / 1000:g})")
        cores.set_title(title, loc="left")
        figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None, dpi=120)
