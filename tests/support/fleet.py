"""Two real API servers with the operator stand-in, and hubs over them."""

import base64
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cmf_localfleet import LocalCluster, ManagedProcess, install_crds

from tests.support.hub import Hub, Spoke

CLUSTERS = ("default-k8s-cluster", "spoke")
"""Names that hubs have for the two."""


@contextmanager
def running_fleet(folder: Path) -> Iterator[dict[str, Spoke]]:
    """Run the clusters `home` and `spoke`, each with an operator stand-in, below a folder."""
    clusters = [LocalCluster(folder / name, die_with_parent=True) for name in ("home", "spoke")]
    with ExitStack() as running:
        for cluster in clusters:
            cluster.launch()
            running.callback(cluster.kill)
        for cluster in clusters:
            cluster.wait_ready()
            install_crds(cluster.kubeconfig)
            cluster.create_namespace("flink")
            standin = ManagedProcess("standin", folder / f"{cluster.name}-standin", die_with_parent=True)
            running.callback(standin.stop)
            command = Path(sys.executable).with_name("flink-operator-standin")
            standin.launch([command, "run", "--kubeconfig", cluster.kubeconfig, "--speed", "50"])
        yield {cluster.name: Spoke(cluster) for cluster in clusters}


def new_hub(fleet: Mapping[str, Spoke], folder: Path, settings: Mapping[str, str] | None = None) -> Hub:
    """Return a hub, not started, that knows the clusters as its own and as `spoke`."""
    own = {
        "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet["home"].cluster.kubeconfig),
        "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
    }
    hub = Hub(folder, {**own, **(settings or {})})
    (hub.kubeconfigs / "spoke").write_bytes(fleet["spoke"].cluster.kubeconfig.read_bytes())
    return hub


def start_hub(
    fleet: Mapping[str, Spoke],
    folder: Path,
    settings: Mapping[str, str] | None = None,
    wait: Sequence[str] = CLUSTERS,
) -> Hub:
    """Start such a hub, and wait until it is connected to the clusters of `wait`."""
    started = new_hub(fleet, folder, settings)
    started.start()
    for name in wait:
        started.connected(name)
    return started
