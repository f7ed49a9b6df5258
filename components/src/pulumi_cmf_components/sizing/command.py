"""The command ``cmf-size``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer
from cmf_core.client import Client
from cmf_core.errors import CmfError
from cmf_core.rules.sizing import GIB, Complexity, Rates, SizingError, Skew, Workload
from cmf_core.units import memory_bytes
from pulumi_cmf.lifecycle.settings import Settings, SettingsError
from rich.console import Console
from rich.table import Table

from pulumi_cmf_components.sizing.estimate import Estimate, estimate
from pulumi_cmf_components.sizing.running import application_spec, compare, pool_spec

app = typer.Typer(
    help="How big a Flink job must be. Estimates to start from, not measurements.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _bytes(text: str) -> float:
    found = memory_bytes(text)
    if found is None:
        raise typer.BadParameter(f"'{text}' is no size: write 800, 2kb, 50gb or 2Gi")
    return float(found)


@app.command()
def size(
    rate: Annotated[float, typer.Option(help="Records a second, at the peak.")],
    message: Annotated[str, typer.Option(help="Mean size of a record.")] = "1000",
    keys: Annotated[int, typer.Option(help="Keys that are live at a time.")] = 0,
    complexity: Annotated[Complexity, typer.Option(help="What is done to a record.")] = Complexity.SIMPLE,
    latency: Annotated[float, typer.Option(help="Seconds of a record through the job.")] = 10.0,
    skew: Annotated[Skew, typer.Option(help="How unevenly keys are used.")] = Skew.LOW,
    state: Annotated[str, typer.Option(help="State of the whole job.")] = "0",
    recovery: Annotated[float, typer.Option(help="Seconds in which state must be back.")] = 300.0,
    records_per_core: Annotated[float, typer.Option(help="What a core of yours handles when all is easy.")] = 10_000,
    draw: Annotated[
        Path | None, typer.Option(help="File, .svg or .png, for cores and memory against the rate.")
    ] = None,
    application: Annotated[str | None, typer.Option(help="ENVIRONMENT/NAME: compare with what runs.")] = None,
    pool: Annotated[str | None, typer.Option(help="ENVIRONMENT/NAME: compare with what runs.")] = None,
) -> None:
    """Estimate, draw the what-if, and compare with what runs: exit code 1 if that is smaller than its estimate.

    CMF's address and credentials come from the provider's environment variables, such as CMF_URL.
    """
    console = Console()
    try:
        workload = Workload(rate, _bytes(message), keys, complexity, latency, skew, _bytes(state), recovery)
        rates = Rates(records_per_core=records_per_core)
        made = estimate(workload, rates)
        console.print(_table(made))
        for decision in made.decisions:
            console.print(f"- {decision}", markup=False, highlight=False)
        if draw:
            title = f"{complexity.value}, {latency:g} s latency, {message} a record, {state} of state"
            _draw(workload, rates, title, draw)
            console.print(f"drawn: {draw}", markup=False, highlight=False)
        enough = True
        if application or pool:
            enough = _compared(console, made, application, pool, os.environ)
    except (SizingError, SettingsError, CmfError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from error
    if not enough:
        raise typer.Exit(1)


def _draw(workload: Workload, rates: Rates, title: str, file: Path) -> None:
    if file.suffix not in (".svg", ".png"):
        raise typer.BadParameter(f"'{file}' is neither .svg nor .png")
    try:
        from pulumi_cmf_components.sizing.curve import draw_curve, what_if
    except ImportError as missing:
        raise typer.BadParameter("drawing needs Matplotlib: install 'pulumi-cmf-components[draw]'") from missing
    most = max(workload.records_per_second * 2, 1000.0)
    draw_curve(what_if(workload, rates, most), title, workload.records_per_second, file)


def _table(made: Estimate) -> Table:
    table = Table("", "each", "number", "together", title="Estimate")
    each = f"{made.cores} cores, {made.memory_bytes // GIB} GiB, {made.slots} slots"
    together = f"{made.task_managers * made.cores} cores, {made.task_managers * made.memory_bytes // GIB} GiB"
    table.add_row("task managers", each, str(made.task_managers), together)
    manager = f"{made.job_manager.cores:g} cores, {made.job_manager.memory_bytes // GIB} GiB"
    table.add_row("JobManager", manager, "1", manager)
    table.add_row("parallelism", "", "", str(made.parallelism))
    table.add_row("managed memory", "", "", f"{made.managed_fraction:.0%} of Flink's memory")
    table.add_row("checkpoints", "", "", f"every {made.checkpoint_seconds} s")
    table.add_row("recovery of state", "", "", f"{made.recovery_seconds:g} s")
    return table


def _compared(
    console: Console, made: Estimate, application: str | None, pool: str | None, environment: Mapping[str, str]
) -> bool:
    settings = Settings.read(lambda _: None, environment)
    table = Table("", "there", "estimated", "", title=f"{application or pool} beside its estimate")
    rows = []
    with Client(settings.client()) as client:
        if application:
            rows += compare(application_spec(client, *_place(application)), made)
        if pool:
            rows += compare(pool_spec(client, *_place(pool)), made)
    for row in rows:
        table.add_row(row.what, f"{row.present:g}", f"{row.estimated:g}", "enough" if row.enough else "too few")
    console.print(table)
    return all(row.enough for row in rows)


def _place(text: str) -> tuple[str, str]:
    environment, separator, name = text.partition("/")
    if not (environment and separator and name):
        raise typer.BadParameter(f"'{text}' is not ENVIRONMENT/NAME")
    return environment, name
