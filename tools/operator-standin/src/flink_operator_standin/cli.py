"""The command `flink-operator-standin`."""

import asyncio
import json
import logging
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from flink_operator_standin.controller import Controller
from flink_operator_standin.kube import Cluster, KubeconfigError
from flink_operator_standin.timings import DEFAULT_SPEED, Timings

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def main() -> None:
    """A stand-in for the Flink Kubernetes Operator on clusters without nodes, for laptops and tests. Nothing runs."""


@app.command()
def run(
    kubeconfig: Annotated[Path, typer.Option(envvar="KUBECONFIG", help="kubeconfig of the one cluster to serve")],
    namespace: Annotated[list[str] | None, typer.Option(help="namespace to watch (repeatable; default: all)")] = None,
    speed: Annotated[
        float, typer.Option(min=0.001, help="recorded seconds a second; 1 is as recorded")
    ] = DEFAULT_SPEED,
    group: Annotated[str, typer.Option(help="API group of the CRDs")] = "flink.apache.org",
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error")] = "info",
) -> None:
    """Serve one cluster until SIGTERM or SIGINT: one JSON line on stderr for each change that is written."""
    level = logging.getLevelNamesMapping().get(log_level.upper())
    if level is None:
        raise typer.BadParameter(f"{log_level!r} is not one of debug, info, warning, error", param_hint="--log-level")
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("flink_operator_standin")
    logger.addHandler(handler)
    logger.setLevel(level)
    try:
        asyncio.run(_serve(kubeconfig, tuple(namespace or ()), Timings.at_speed(speed), group))
    except KubeconfigError as error:
        typer.echo(f"flink-operator-standin: {error}", err=True)
        raise typer.Exit(2) from error


async def _serve(kubeconfig: Path, namespaces: tuple[str, ...], timings: Timings, group: str) -> None:
    log = logging.getLogger("flink_operator_standin")
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    async with await Cluster.connect(kubeconfig, group) as cluster:
        log.info("serving", extra={"fields": {"kubeconfig": str(kubeconfig), "namespaces": list(namespaces)}})
        playing = asyncio.create_task(Controller(cluster, namespaces, timings).run())
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({playing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        if not playing.done():
            playing.cancel()
        await asyncio.gather(playing, stopped, return_exceptions=True)
        if not stopping.is_set():
            playing.result()
    log.info("stopped", extra={"fields": {}})


class JsonLines(logging.Formatter):
    """A log record as one JSON line: time, level, message, and the fields given as `extra={"fields": ...}`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)
