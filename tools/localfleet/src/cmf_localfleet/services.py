"""The hub and the operator stand-in as processes, launched by the commands that their packages install."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import httpx

from cmf_localfleet.errors import LocalFleetError, ProcessFailedError, last_lines
from cmf_localfleet.processes import ManagedProcess
from cmf_localfleet.proxies import no_proxy_exports
from cmf_localfleet.waiting import wait_until


def start_standin(
    kubeconfig: Path, directory: Path, *, name: str = "standin", die_with_parent: bool = False
) -> ManagedProcess:
    """Start an operator stand-in for the cluster of ``kubeconfig`` unless it runs.

    Its pid file and log are ``NAME.pid`` and ``NAME.log`` in ``directory``.
    """
    process = ManagedProcess(name, directory, die_with_parent=die_with_parent)
    process.launch([_command("flink-operator-standin"), "run", "--kubeconfig", kubeconfig], no_proxy_exports())
    return process


def launch_hub(
    settings: Mapping[str, str], directory: Path, *, name: str = "hub", die_with_parent: bool = False
) -> ManagedProcess:
    """Start a hub unless it runs, and do not wait for it: it may have to stand by.

    Args:
        settings: ``CMF_*`` variables.
        directory: Where its ``NAME.pid`` and ``NAME.log`` are kept.
        name: Name of the process.
        die_with_parent: See :class:`~cmf_localfleet.processes.ManagedProcess`.
    """
    process = ManagedProcess(name, directory, die_with_parent=die_with_parent)
    process.launch([_command("cmf-hub"), "serve"], {**settings, **no_proxy_exports()})
    return process


def start_hub(
    settings: Mapping[str, str],
    directory: Path,
    *,
    name: str = "hub",
    die_with_parent: bool = False,
    timeout: float = 30.0,
) -> ManagedProcess:
    """Start a hub as ``launch_hub`` does, and wait until it is ready.

    Args:
        settings: ``CMF_*`` variables; ``CMF_PORT`` must be among them.
        directory: As ``launch_hub`` has it.
        name: As ``launch_hub`` has it.
        die_with_parent: As ``launch_hub`` has it.
        timeout: Seconds until it has to be ready.

    Raises:
        ProcessFailedError: It ended, or was not ready in time.
    """
    process = launch_hub(settings, directory, name=name, die_with_parent=die_with_parent)
    ready = f"http://{settings.get('CMF_HOST', '127.0.0.1')}:{settings['CMF_PORT']}/readyz"
    if not wait_until(lambda: _is_ready(process, ready), timeout):
        raise ProcessFailedError(
            f"The hub was not ready after {timeout:.0f} s. The end of {process.log}:\n{last_lines(process.log)}"
        )
    return process


def _is_ready(process: ManagedProcess, url: str) -> bool:
    process.check_running()
    try:
        # trust_env: no proxy of the environment reaches this machine's own ports.
        return httpx.get(url, timeout=2.0, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def _command(name: str) -> Path:
    command = Path(sys.executable).parent / name
    if not command.is_file():
        raise LocalFleetError(
            f"{name} is not installed beside {sys.executable}: run `make up`, or install the workspace."
        )
    return command
