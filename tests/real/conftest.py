"""One real fleet, one hub, and a stack for each walk."""

from collections.abc import Iterator

import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.node import missing_for_nodes

from tests.provider.program import Program
from tests.real import fleet as real
from tests.real.stack import Stack
from tests.support.hub import Hub


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[real.RealFleet]:
    """Two clusters with nodes and the operator."""
    missing = missing_for_nodes()
    if missing:
        pytest.skip(missing)
    with real.running(tmp_path_factory.mktemp("real")) as running:
        yield running


@pytest.fixture(scope="session")
def hub(fleet: real.RealFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose own cluster is `home`; `spoke` is the business of programs."""
    started = real.start_hub(fleet, tmp_path_factory.mktemp("hub"))
    yield started
    started.stop()


@pytest.fixture(scope="module")
def stack(fleet: real.RealFleet, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose program has both clusters and an environment on each; destroyed at the end."""
    program = Program(tmp_path_factory.mktemp("stack"), Workspace.find())
    program.environment |= {"CMF_URL": str(hub.http.base_url), "CMF_KUBECONFIG_DIRECTORY": str(hub.kubeconfigs)}
    program.timeout = 600.0
    program.start()
    yield Stack(program, fleet)
    program.end()
