"""What a shell needs to talk to the fleet, as variables of its environment."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

from cmf_localfleet.errors import LocalFleetError
from cmf_localfleet.fleet import HUB_CLUSTER, SPOKES, Fleet
from cmf_localfleet.proxies import no_proxy_exports
from cmf_localfleet.pulumi import pulumi_directory
from cmf_localfleet.workspace import Workspace

# Encrypts a stack whose state lies beside the clusters' own keys: a constant protects it no less.
_PASSPHRASE = "localfleet"  # noqa: S105


def fleet_exports(fleet: Fleet, workspace: Workspace) -> dict[str, str]:
    """Return the variables of a fleet that was started.

    Raises:
        LocalFleetError: It was never started, or lies at a path that the variables cannot express.
    """
    kubeconfigs = {name: str(cluster.kubeconfig) for name, cluster in fleet.clusters.items()}
    if "," in str(fleet.directory):
        raise LocalFleetError(
            f"SPOKE_KUBECONFIGS separates by commas, and {fleet.directory} has one: move the checkout."
        )
    return {
        "CMF_URL": fleet.hub_url,
        "CMF_KUBECONFIG_DIRECTORY": str(fleet.kubeconfig_directory),
        "SPOKE_KUBECONFIGS": ",".join(f"{name}={kubeconfigs[name]}" for name in SPOKES),
        "HUB_KUBECONFIG": kubeconfigs[HUB_CLUSTER],
        **pulumi_exports(fleet.directory, workspace),
        **no_proxy_exports(),
    }


def pulumi_exports(directory: Path, workspace: Workspace) -> dict[str, str]:
    """Return the variables that keep Pulumi on this machine: state below ``directory``, nothing downloaded."""
    backend, home = directory / "pulumi", directory / "pulumi-home"
    for folder in (backend, home):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    first = [str(Path(sys.executable).parent), str(pulumi_directory(workspace))]
    return {
        "PULUMI_BACKEND_URL": f"file://{backend}",
        "PULUMI_HOME": str(home),
        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        "PULUMI_PYTHON_CMD": sys.executable,
        "PATH": os.pathsep.join([*first, *(folder for folder in os.get_exec_path() if folder not in first)]),
    }


def as_shell(variables: dict[str, str]) -> str:
    """Return ``export`` lines for a POSIX shell."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
