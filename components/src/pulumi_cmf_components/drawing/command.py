"""The command ``cmf-draw``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from pulumi_cmf_components.drawing.picture import draw
from pulumi_cmf_components.drawing.stack import NotAStack, read

_EXPORT_SECONDS = 300

app = typer.Typer(
    help="Draw what runs where, from the state of a Pulumi stack.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


class ExportFailed(Exception):
    """`pulumi stack export` failed; the text says how."""


@app.command()
def picture(
    state: Annotated[
        str | None, typer.Argument(help="What `pulumi stack export` wrote: a file, or - for the standard input.")
    ] = None,
    stack: Annotated[str | None, typer.Option(help="Stack to export. Default: the selected one.")] = None,
    cwd: Annotated[Path, typer.Option(help="Folder of the program.")] = Path(),
    output: Annotated[Path | None, typer.Option(help="SVG file to write. Default: the standard output.")] = None,
) -> None:
    """Draw clusters, environments and what is in them as an SVG. Without STATE, `pulumi stack export` is run.

    Secrets and texts of statements are not drawn.
    """
    try:
        drawn = draw(read(_export(stack, cwd) if state is None else _read(state)))
    except (NotAStack, ExportFailed, OSError) as error:
        typer.echo(f"cmf-draw: {error}", err=True)
        raise typer.Exit(2) from error
    if output is None:
        typer.echo(drawn, nl=False)
    else:
        output.write_text(drawn, encoding="utf-8")


def _read(state: str) -> str:
    if state == "-":
        return sys.stdin.read()
    try:
        return Path(state).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise NotAStack(f"{state} is not what `pulumi stack export` writes") from None


def _export(stack: str | None, cwd: Path) -> str:
    command = ["pulumi", "stack", "export", "--non-interactive", *(["--stack", stack] if stack else [])]
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=_EXPORT_SECONDS, check=False)
    except FileNotFoundError as missing:
        raise ExportFailed(f"cannot run pulumi in {cwd}: is it on PATH, and is the folder there?") from missing
    except subprocess.TimeoutExpired as late:
        raise ExportFailed(f"`{' '.join(command)}` did not end within {_EXPORT_SECONDS} s") from late
    if done.returncode:
        raise ExportFailed(f"`{' '.join(command)}` ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
