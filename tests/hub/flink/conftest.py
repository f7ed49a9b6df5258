"""A real API server with the operator's CRDs and, on it, the operator stand-in at fifty times its speed."""

import itertools
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cmf_hub.settings import Settings
from cmf_localfleet import LocalCluster, ManagedProcess, install_crds

from tests.hub.flink.harness import Flink, Kubectl, flink
from tests.hub.flink.samples import environment

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running cluster; who stops or pauses it starts it again."""
    with LocalCluster(tmp_path_factory.mktemp("clusters") / "spoke", die_with_parent=True) as running:
        install_crds(running.kubeconfig)
        yield running


@pytest.fixture(scope="session")
def operator(cluster: LocalCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    process = ManagedProcess("standin", tmp_path_factory.mktemp("standin"), die_with_parent=True)
    command = Path(sys.executable).with_name("flink-operator-standin")
    process.launch([command, "run", "--kubeconfig", cluster.kubeconfig, "--namespace", OPERATED, "--speed", "50"])
    yield
    process.stop()


OPERATED = "operated"
"""The namespace that the stand-in watches; in all others nobody reacts, and tests write statuses themselves."""


@pytest.fixture
def namespace(cluster: LocalCluster) -> str:
    """A namespace of its own, without operator."""
    name = f"test-{next(_numbers)}"
    cluster.create_namespace(name)
    return name


@pytest.fixture
def kubectl(cluster: LocalCluster, namespace: str) -> Kubectl:
    return Kubectl(cluster.kubeconfig, namespace)


@pytest.fixture
def settings() -> Settings:
    return Settings(statement_session_jar_uri="https://jars.example.org/sql.jar")


@pytest.fixture
async def bare(tmp_path: Path, cluster: LocalCluster, namespace: str, settings: Settings) -> AsyncIterator[Flink]:
    """The flink layer in a namespace that no operator watches."""
    async with flink(tmp_path / "cmf.db", cluster.kubeconfig, namespace, settings) as layer:
        await layer.put(environment(kubernetesNamespace=namespace))
        yield layer


@pytest.fixture
async def operated(tmp_path: Path, cluster: LocalCluster, operator: None, settings: Settings) -> AsyncIterator[Flink]:
    """The flink layer in the namespace that the stand-in watches."""
    cluster.create_namespace(OPERATED)
    async with flink(tmp_path / "cmf.db", cluster.kubeconfig, OPERATED, settings) as layer:
        await layer.put(environment(kubernetesNamespace=OPERATED))
        yield layer
