"""The command line of the hub."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Annotated, TypeVar

import structlog
import typer
import uvloop
from cmf_core.errors import CmfError
from cmf_core.rules import by_id
from cmf_core.rules.catalogue import catalogue

from cmf_hub import logs
from cmf_hub.clusters.kubeconfig import KubeconfigRefused, Policy, parse
from cmf_hub.flags import settings_flags, stopped
from cmf_hub.server import run
from cmf_hub.settings import Loaded, SettingsError
from cmf_hub.store import FileDatabase, PostgresDatabase

T = TypeVar("T")
_DATABASE = ("database", "database_url", "database_patience_seconds")
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

log = structlog.get_logger(__name__)

app = typer.Typer(
    help="Control plane for Flink on several Kubernetes clusters. `cmf-hub serve --help` shows its settings.",
    no_args_is_help=True,
    add_completion=False,
)


@app.command()
@settings_flags()
def serve(loaded: Loaded) -> None:
    """Run the hub until SIGTERM or Ctrl-C; requests in flight are answered first."""
    chosen = loaded.settings
    logs.configure(chosen.log_format, chosen.log_level)
    if chosen.host not in _LOOPBACK and chosen.authentication_type == "none":
        log.warning("listening beyond this machine: whoever reaches the port may change everything", host=chosen.host)
    _carried_out(lambda: uvloop.run(run(chosen)))


@app.command()
@settings_flags()
def settings(loaded: Loaded) -> None:
    """Print every setting as `serve` would take it, and where it came from; secrets are masked."""
    rows = loaded.rows()
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for name, value, origin in rows:
        typer.echo(f"{name:{widths[0]}}  {value:{widths[1]}}  {origin}")


@app.command()
@settings_flags(*_DATABASE)
def migrate(loaded: Loaded) -> None:
    """Bring the database to the newest schema, as `serve` does at its start; no hub may run on it."""
    database = _database(loaded)
    before, now = _carried_out(database.migrate)
    if before == now:
        typer.echo(f"{database.name} has schema {now}, the newest one, already")
    else:
        typer.echo(f"{database.name} has schema {now} now, and had {before or 'none'}")


@app.command()
@settings_flags(*_DATABASE)
def backup(loaded: Loaded, file: Annotated[Path, typer.Argument(help="File to write.")]) -> None:
    """Copy the database as of one moment to a file of SQLite; the hub may go on running."""
    database = _database(loaded)
    _carried_out(lambda: database.backup(file))
    typer.echo(f"{database.name} was copied to {file}")


@app.command()
@settings_flags(*_DATABASE)
def restore(loaded: Loaded, file: Annotated[Path, typer.Argument(help="Backup to restore.")]) -> None:
    """Put a backup in the place of the database, which is kept under another name; no hub may run on it.

    PostgreSQL takes one only while it has no resources. The backup of a file is the way there.
    """
    database = _database(loaded)
    aside = _carried_out(lambda: database.restore(file))
    typer.echo(f"{database.name} is now as in {file}" + (f"; what it was is in {aside}" if aside else ""))


def _database(loaded: Loaded) -> FileDatabase | PostgresDatabase:
    chosen = loaded.settings
    if chosen.database_url is None:
        return FileDatabase(chosen.database)
    url, patience = chosen.database_url.get_secret_value(), chosen.database_patience_seconds
    return _carried_out(lambda: PostgresDatabase(url, patience))


@app.command()
def rules() -> None:
    """Print every rule: id, source, what it says, the functions that decide it, or why the hub leaves it alone."""
    deciders = defaultdict(list)
    for rule_id, rule in by_id():
        deciders[rule_id].append(rule.where.removeprefix("cmf_core.rules."))
    for row in catalogue().values():
        by = f" [{', '.join(deciders[row.id])}]" if row.id in deciders else ""
        because = f" (not the hub's: {row.reason})" if row.reason else ""
        typer.echo(f"{row.id:9} {row.source:3}  {row.text}{by}{because}")


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("cmf-hub"))


@app.command("check-kubeconfig")
@settings_flags("k8s_kubeconfig_allow_insecure_tls", "k8s_kubeconfig_allow_proxy")
def check_kubeconfig(loaded: Loaded, file: Annotated[Path, typer.Argument(help="Kubeconfig file to check.")]) -> None:
    """Say whether the hub would take a kubeconfig, and if not why; nothing is connected to."""
    chosen = loaded.settings
    policy = Policy(
        allow_insecure_tls=chosen.k8s_kubeconfig_allow_insecure_tls, allow_proxy=chosen.k8s_kubeconfig_allow_proxy
    )
    try:
        credentials = parse(file.read_bytes(), policy)
    except OSError as error:
        raise stopped(f"{file} cannot be read: {error.strerror}") from error
    except KubeconfigRefused as refused:
        raise stopped(f"{file} is refused: {refused}") from refused
    typer.echo(f"{file} is taken: it connects to {credentials.server}")


def _carried_out(command: Callable[[], T]) -> T:
    """Return what a command gives; an error that the user can do something about is one sentence."""
    try:
        return command()
    except (CmfError, SettingsError) as error:
        raise stopped(str(error)) from error
