"""The command line of the hub."""

from __future__ import annotations

from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from cmf_hub import logs, settings
from cmf_hub.app import create_app

app = typer.Typer(
    help="Control plane for Flink on several Kubernetes clusters. Settings are environment variables: CMF_...",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (CMF_HOST).")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on, 0 for a free one (CMF_PORT).")] = None,
    database: Annotated[Path | None, typer.Option(help="SQLite file (CMF_DATABASE).")] = None,
) -> None:
    """Run the hub until SIGTERM or Ctrl-C; requests in flight are answered first."""
    given = {"host": host, "port": port, "database": database}
    try:
        chosen = settings.load(**{name: value for name, value in given.items() if value is not None})
    except settings.SettingsError as error:
        raise _stopped(str(error)) from error
    logs.configure(chosen.log_format, chosen.log_level)
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(chosen),
            host=chosen.host,
            port=chosen.port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=int(chosen.shutdown_timeout_seconds),
        )
    )
    server.run()
    if not server.started:
        raise typer.Exit(1)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("cmf-hub"))


@app.command("check-kubeconfig")
def check_kubeconfig(file: Annotated[Path, typer.Argument(help="Kubeconfig file to check.")]) -> None:
    """Say whether the hub would take a kubeconfig, and if not why; nothing is connected to."""
    raise NotImplementedError


def _stopped(message: str) -> typer.Exit:
    typer.echo(f"cmf-hub: {message}", err=True)
    return typer.Exit(2)
