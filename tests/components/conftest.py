"""Clusters with a stand-in for Flink's operator, a hub, and a Pulumi engine that has a plugin for Kubernetes."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest
from cmf_localfleet import Workspace

from tests.provider.program import Program
from tests.support import kubernetes_plugin
from tests.support.fleet import running_fleet
from tests.support.hub import Hub, Spoke


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Spoke]]:
    """Clusters `home` and `spoke`, each with a stand-in."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture(scope="session")
def cmf(fleet: dict[str, Spoke], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub on cluster `home`, which knows no other cluster yet."""
    hub = Hub(
        tmp_path_factory.mktemp("hub"),
        {"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet["home"].cluster.kubeconfig), "CMF_SQL_PRODUCTION": "false"},
    )
    hub.start()
    hub.connected("default-k8s-cluster")
    yield hub
    hub.stop()


class Components(Program):
    """A program of components, on an engine that finds our stand-in for pulumi-kubernetes' plugin."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, Workspace.find())
        plugins = folder / "plugins"
        plugins.mkdir()
        executable = plugins / "pulumi-resource-kubernetes"
        executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{kubernetes_plugin.__file__}" "$@"\n')
        executable.chmod(0o755)
        self.environment["PATH"] = os.pathsep.join((str(plugins), self.environment["PATH"]))

    def write(self, text: str) -> None:
        """Make `text` the program, after the imports that all of them have."""
        head = "from pathlib import Path\nimport pulumi_kubernetes as kubernetes\nfrom pulumi_cmf_components import *\n"
        super().write(head + dedent(text))


@pytest.fixture
def program(cmf: Hub, tmp_path: Path) -> Iterator[Components]:
    """A program and its stack; what it made is destroyed."""
    made = Components(tmp_path)
    made.environment |= {"CMF_URL": str(cmf.http.base_url), "CMF_KUBECONFIG_DIRECTORY": str(cmf.kubeconfigs)}
    made.start()
    yield made
    made.end()
