"""The command ``localfleet``."""

from __future__ import annotations

import os
from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from cmf_localfleet.artifacts import ARTIFACTS, ensure_artifact
from cmf_localfleet.errors import LocalFleetError
from cmf_localfleet.exports import as_shell, fleet_exports
from cmf_localfleet.fleet import Fleet
from cmf_localfleet.locking import locked
from cmf_localfleet.processes import ManagedProcess
from cmf_localfleet.progress import console as messages
from cmf_localfleet.pulumi import pulumi_directory
from cmf_localfleet.workspace import Workspace

app = typer.Typer(
    help="A Flink fleet on this machine: local Kubernetes API servers, operator stand-ins and a hub.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class Action(StrEnum):
    """What can be done to one cluster."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    PAUSE = "pause"
    RESUME = "resume"


@app.command()
def build(part: Annotated[str, typer.Argument(help=f"One of {', '.join(ARTIFACTS)}, all.")] = "all") -> None:
    """Build what is missing and print where it is; what is installed already is used and not built."""
    workspace = Workspace.find()
    for name in ARTIFACTS if part == "all" else [part]:
        if name == "pulumi":
            place = str(pulumi_directory(workspace))
        elif name == "apiserver" and os.environ.get("KUBEBUILDER_ASSETS"):
            place = os.environ["KUBEBUILDER_ASSETS"]
        else:
            place = str(ensure_artifact(name, workspace))
        typer.echo(f"{name}: {place}")


@app.command()
def up() -> None:
    """Start what does not run, and print where things are."""
    workspace = Workspace.find()
    with locked(workspace.cache / "fleet.lock"):
        fleet = Fleet(workspace.run)
        fleet.up()
    _print_status(fleet)


@app.command()
def down(
    *, keep: Annotated[bool, typer.Option("--keep", help="Keep the data: `up` then goes on where it was.")] = False
) -> None:
    """Stop everything and delete the fleet's data."""
    workspace = Workspace.find()
    with locked(workspace.cache / "fleet.lock"):
        Fleet(workspace.run).down(keep=keep)
    typer.echo(f"everything is stopped, its data {'kept' if keep else 'deleted'}")


@app.command()
def status() -> None:
    """Show what runs, where, and how much memory it takes."""
    _print_status(Fleet(Workspace.find().run))


@app.command()
def env() -> None:
    """Print the exports that a shell needs to talk to the fleet: eval "$(localfleet env)"."""
    workspace = Workspace.find()
    typer.echo(as_shell(fleet_exports(Fleet(workspace.run), workspace)))


@app.command()
def cluster(
    action: Annotated[Action, typer.Argument(help="pause plays an outage: connections stay, nothing is answered.")],
    name: Annotated[str, typer.Argument(help="hub-cluster, spoke-1 or spoke-2.")],
) -> None:
    """Start, stop, restart, pause or resume one cluster."""
    workspace = Workspace.find()
    with locked(workspace.cache / "fleet.lock"):
        one = Fleet(workspace.run).cluster(name)
        {
            Action.START: one.start,
            Action.STOP: one.stop,
            Action.RESTART: one.restart,
            Action.PAUSE: one.pause,
            Action.RESUME: one.resume,
        }[action]()
    typer.echo(f"{name}: {one.state}")


def main() -> None:
    """Run the command; what the user can act on is one message, not a traceback."""
    try:
        app()
    except LocalFleetError as error:
        messages.print(str(error), style="red", markup=False, soft_wrap=True)
        raise SystemExit(1) from error


def _print_status(fleet: Fleet) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("", "STATE", "PID", "MEMORY", "ADDRESS", "LOG"):
        table.add_column(column, no_wrap=True)
    for name, one in fleet.clusters.items():
        processes = one.processes
        table.add_row(name, one.state, *_numbers(processes), one.server if processes else "", str(one.log))
    for name, standin in fleet.standins.items():
        table.add_row(f"operator stand-in of {name}", standin.state, *_numbers([standin]), "", str(standin.log))
    address = fleet.hub_url if fleet.hub.pid else ""
    table.add_row("hub", fleet.hub.state, *_numbers([fleet.hub]), address, str(fleet.hub.log))
    # Paths are for copying: never cut them to the width of a terminal.
    Console(width=400, highlight=False).print(table, soft_wrap=True)


def _numbers(processes: list[ManagedProcess]) -> tuple[str, str]:
    pids = [str(process.pid) for process in processes if process.pid]
    memory = sum(process.memory for process in processes)
    return " ".join(pids), f"{memory / 2**20:.0f} MiB" if memory else ""
