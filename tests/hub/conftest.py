"""Two real API servers with the operator stand-in, and a hub that knows them as its own cluster and as `spoke`."""

import base64
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster, ManagedProcess, install_crds

from tests.support.hub import Hub, Spoke


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Spoke]]:
    """Clusters `home` and `spoke`; who stops or pauses one starts it again."""
    folder = tmp_path_factory.mktemp("fleet")
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


@pytest.fixture(scope="session")
def home(fleet: dict[str, Spoke]) -> Spoke:
    """The cluster that hubs know as default-k8s-cluster."""
    return fleet["home"]


@pytest.fixture(scope="session")
def spoke(fleet: dict[str, Spoke]) -> Spoke:
    """The cluster that hubs know as `spoke`."""
    return fleet["spoke"]


@pytest.fixture(scope="session")
def hub(fleet: dict[str, Spoke], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub for tests that do not disturb it or its clusters."""
    running = _started(fleet, tmp_path_factory.mktemp("hub"))
    yield running
    running.stop()


@pytest.fixture
def own_hub(fleet: dict[str, Spoke], tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Start hubs for one test, with settings of its own."""
    with ExitStack() as running:

        def start(*, wait: Sequence[str] = ("default-k8s-cluster", "spoke"), **settings: str) -> Hub:
            started = _started(fleet, tmp_path / "hub", settings, wait)
            running.callback(started.stop)
            return started

        yield start


@pytest.fixture
def environment(hub: Hub) -> str:
    """Path of an empty environment on the hub's own cluster."""
    return hub.environment("flink")


def _started(
    fleet: dict[str, Spoke],
    folder: Path,
    settings: dict[str, str] | None = None,
    wait: Sequence[str] = ("default-k8s-cluster", "spoke"),
) -> Hub:
    """Start a hub and wait until it is connected to these clusters."""
    own = {
        "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet["home"].cluster.kubeconfig),
        "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
    }
    started = Hub(folder, {**own, **(settings or {})})
    (started.kubeconfigs / "spoke").write_bytes(fleet["spoke"].cluster.kubeconfig.read_bytes())
    started.start()
    for name in wait:
        started.connected(name)
    return started
