"""A real Flink session cluster with its SQL gateway, behind the API server of the hub's own cluster."""

import base64
import itertools
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from cmf_localfleet import FlinkSession

from tests.hub.sql.session import SessionPool
from tests.support.backend import reachable_address, service
from tests.support.hub import Hub, Spoke, pool

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkSession]:
    """Flink on an address that API servers pass requests on to."""
    folder = tmp_path_factory.mktemp("flink")
    with FlinkSession(folder, address=reachable_address(), die_with_parent=True) as session:
        yield session


@pytest.fixture(scope="session")
def sql_hub(home: Spoke, flink: FlinkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that finds SQL gateways beside the JobManagers of session clusters."""
    running = started(home, tmp_path_factory.mktemp("sql-hub"), CMF_SQL_GATEWAY_PORT=str(flink.gateway_port))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def planning_hub(home: Spoke, flink: FlinkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub with a SQL gateway beside it, which plans for all pools."""
    settings = {"CMF_SQL_GATEWAY_URL": flink.gateway_url, "CMF_SQL_GATEWAY_PORT": str(flink.gateway_port)}
    running = started(home, tmp_path_factory.mktemp("planning-hub"), **settings)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def session_pool(sql_hub: Hub, home: Spoke, flink: FlinkSession) -> Iterator[SessionPool]:
    """A RUNNING shared pool whose session cluster is that Flink, in an environment of its own."""
    with session_on(sql_hub, home, flink) as made:
        yield made


def started(home: Spoke, folder: Path, **settings: str) -> Hub:
    """Return a running hub that knows the cluster `home` as its own."""
    hub = Hub(
        folder,
        {
            "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(home.cluster.kubeconfig),
            "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
            **settings,
        },
    )
    hub.start()
    hub.connected("default-k8s-cluster")
    return hub


class session_on(ExitStack):  # noqa: N801 - used as a function
    """A RUNNING shared pool of a hub whose session cluster is a Flink on this machine."""

    def __init__(self, hub: Hub, home: Spoke, flink: FlinkSession) -> None:
        super().__init__()
        self._parts = hub, home, flink

    def __enter__(self) -> SessionPool:  # type: ignore[override]
        hub, home, flink = self._parts
        super().__enter__()
        environment, name = hub.environment("flink"), f"session-{next(_numbers)}"
        labels = {"app": name, "component": "jobmanager"}
        self.enter_context(service(home.cluster, f"{name}-rest", flink.rest_port, labels=labels))
        assert hub.post(f"{environment}/compute-pools", pool(name)).status_code == 200
        hub.until(f"{environment}/compute-pools/{name}", "status.phase", "RUNNING")
        return SessionPool(hub, environment, name)
