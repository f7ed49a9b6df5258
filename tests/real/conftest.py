"""One real fleet, one hub, and a stack for each walk."""

import os
from collections.abc import Generator, Iterator

import pytest
from cmf_localfleet import Workspace
from cmf_localfleet.connection import connect
from cmf_localfleet.errors import last_lines
from cmf_localfleet.node import missing_for_nodes

from tests.provider.program import Program
from tests.real import fleet as real
from tests.real.costs import Costs
from tests.real.fleet import RealFleet
from tests.real.scenarios import Play, jars
from tests.real.stack import Stack
from tests.support.hub import Hub

_COSTS = pytest.StashKey[Costs]()


@pytest.fixture(scope="session")
def costs(request: pytest.FixtureRequest) -> Costs:
    """What is measured; printed at the end of the run."""
    return request.config.stash.setdefault(_COSTS, Costs())


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was measured."""
    for what, line in config.stash.get(_COSTS, Costs()).lines.items():
        terminalreporter.write_line(f"{what}: {line}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Function) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failure what hub and clusters say."""
    report = yield
    if report.failed:
        hub, clusters = item.funcargs.get("hub"), item.funcargs.get("fleet")
        if isinstance(hub, Hub):
            report.sections.append(("log of the hub", last_lines(hub.process.log, 200)))
        if isinstance(clusters, RealFleet):
            report.sections += [(f"cluster {name}", each.told()) for name, each in clusters.clusters.items()]
    return report


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealFleet]:
    """Two clusters with nodes and the operator."""
    folder, kubeconfigs = tmp_path_factory.mktemp("real"), os.environ.get("E2E_KUBECONFIGS")
    missing = None if kubeconfigs else missing_for_nodes()
    if missing:
        pytest.skip(missing)
    with real.given(folder, kubeconfigs) if kubeconfigs else real.running(folder) as clusters:
        yield clusters


@pytest.fixture(scope="session")
def hub(fleet: RealFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub whose own cluster is `home`; `spoke` is the business of programs."""
    started = real.start_hub(fleet, tmp_path_factory.mktemp("hub"))
    yield started
    started.stop()


def _asked(session: pytest.Session) -> set[str]:
    """Return the scenarios whose tests are run."""
    items = [item for item in session.items if isinstance(item, pytest.Function) and "played" in item.fixturenames]
    return {str(item.callspec.params["name"]) for item in items}


@pytest.fixture(scope="session")
def played(fleet: RealFleet, request: pytest.FixtureRequest) -> Iterator[Play]:
    """The scenarios, which are played in the background."""
    with jars(fleet) as address, connect(fleet.clusters["home"].cluster.kubeconfig) as client:
        play = Play(fleet, address, client, _asked(request.session))
        yield play
        play.end()


@pytest.fixture(scope="module", autouse=True)
def _scenarios_begin(request: pytest.FixtureRequest) -> None:
    """Begin to play them, if they are asked for, beside tests that wait: not those that measure or start much."""
    if _asked(request.session) and request.path.stem not in {"test_applications", "test_fleet"}:
        request.getfixturevalue("played")


@pytest.fixture(scope="module")
def stack(fleet: RealFleet, hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose program has both clusters and an environment on each; destroyed at the end."""
    program = Program(tmp_path_factory.mktemp("stack"), Workspace.find())
    program.environment |= {"CMF_URL": str(hub.http.base_url), "CMF_KUBECONFIG_DIRECTORY": str(hub.kubeconfigs)}
    program.timeout = 600.0
    program.start()
    yield Stack(program, fleet)
    program.end()
