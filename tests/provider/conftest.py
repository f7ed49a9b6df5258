"""A hub with its own cluster and a spoke that is not registered, and a Pulumi engine."""

import base64
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cmf_core.client import AsyncClient
from cmf_localfleet import LocalCluster, Workspace
from cmf_localfleet.artifacts import ensure_artifact
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.settings import Settings

from tests.provider.program import Program
from tests.support.fleet import running_fleet
from tests.support.hub import Hub, Spoke


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Spoke]]:
    """Clusters `home` and `spoke`, each with a stand-in; who stops or pauses one starts it again."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        for spoke in running.values():
            spoke.cluster.create_namespace("cmf")
        yield running


@pytest.fixture(scope="session")
def spoke(fleet: dict[str, Spoke]) -> LocalCluster:
    """A cluster that tests register, under names of their own."""
    return fleet["spoke"].cluster


@contextmanager
def running_hub(fleet: dict[str, Spoke], folder: Path) -> Iterator[Hub]:
    """Run a hub whose own cluster is `home`."""
    home = fleet["home"].cluster.kubeconfig
    keys = base64.b64encode(os.urandom(32)).decode()
    hub = Hub(folder, {"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(home), "CMF_ENCRYPTION_KEYS": keys})
    hub.start()
    hub.connected("default-k8s-cluster")
    yield hub
    hub.stop()


@pytest.fixture(scope="session")
def cmf(fleet: dict[str, Spoke], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that nobody disturbs."""
    with running_hub(fleet, tmp_path_factory.mktemp("hub")) as hub:
        yield hub


@pytest.fixture(scope="session")
def languages() -> Path:
    """The folder of pulumi-language-yaml and pulumi-sdks."""
    return ensure_artifact("pulumi-languages", Workspace.find())


@pytest.fixture
def settings(cmf: Hub) -> Settings:
    """The provider's settings for this hub."""
    return Settings(url=str(cmf.http.base_url), kubeconfig_directory=cmf.kubeconfigs)


@pytest.fixture
async def hub(settings: Settings) -> AsyncIterator[LifecycleHub]:
    """The same hub, as the life cycles see it."""
    async with AsyncClient(settings.client()) as client:
        yield LifecycleHub(client, settings)


@pytest.fixture
def environment(cmf: Hub) -> str:
    """Name of an empty environment on the hub's own cluster."""
    return cmf.environment("flink").rpartition("/")[2]


@pytest.fixture
def program(cmf: Hub, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Program]:
    """A Pulumi program and its stack, on the dynamic front or that of `on_both_fronts`; what it made is destroyed."""
    front = getattr(request, "param", "dynamic")
    made = Program(tmp_path, Workspace.find(), plugin=front == "plugin")
    made.environment |= {"CMF_URL": str(cmf.http.base_url), "CMF_KUBECONFIG_DIRECTORY": str(cmf.kubeconfigs)}
    made.start()
    yield made
    made.end()
