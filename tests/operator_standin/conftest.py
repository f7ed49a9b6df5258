"""A real API server with the Flink CRDs and a stand-in on it, shared by the tests of this folder."""

import itertools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster, ManagedProcess, install_crds
from cmf_localfleet.proxies import no_proxy_exports

from tests.operator_standin.live import LiveCluster

_NUMBERS = itertools.count(1)
Start = Callable[..., ManagedProcess]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """An API server with the CRDs."""
    with LocalCluster(tmp_path_factory.mktemp("standin") / "cluster", die_with_parent=True) as server:
        install_crds(server.kubeconfig)
        yield server


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start stand-ins; those that a test leaves running are stopped."""
    started: list[ManagedProcess] = []

    def launch(kubeconfig: Path, *options: str) -> ManagedProcess:
        process = ManagedProcess(f"standin-{len(started)}", tmp_path, die_with_parent=True)
        command: list[str | Path] = [
            sys.executable,
            "-m",
            "flink_operator_standin",
            "run",
            "--kubeconfig",
            kubeconfig,
            *options,
        ]
        process.launch(command, no_proxy_exports())
        started.append(process)
        return process

    yield launch
    for process in started:
        process.stop()


@pytest.fixture
def world(cluster: LocalCluster) -> Iterator[LiveCluster]:
    """A namespace of the test's own."""
    name = f"test-{next(_NUMBERS)}"
    cluster.create_namespace(name)
    with LiveCluster(cluster.kubeconfig, name) as live:
        yield live
