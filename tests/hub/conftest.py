"""Two real API servers with the operator stand-in, and a hub that knows them as its own cluster and as `spoke`."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.fleet import CLUSTERS, running_fleet, start_hub
from tests.support.hub import Hub, Spoke
from tests.support.postgres import PostgresServer, running_postgres


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Spoke]]:
    """Clusters `home` and `spoke`; who stops or pauses one starts it again."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


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
    running = start_hub(fleet, tmp_path_factory.mktemp("hub"))
    yield running
    running.stop()


@pytest.fixture
def own_hub(fleet: dict[str, Spoke], tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Start hubs for one test, with settings of its own."""
    with ExitStack() as running:

        def start(*, wait: Sequence[str] = CLUSTERS, **settings: str) -> Hub:
            started = start_hub(fleet, tmp_path / "hub", settings, wait)
            running.callback(started.stop)
            return started

        yield start


@pytest.fixture
def environment(hub: Hub) -> str:
    """Path of an empty environment on the hub's own cluster."""
    return hub.environment("flink")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server; who stops it starts it again."""
    with running_postgres() as server:
        yield server
