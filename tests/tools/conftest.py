"""What the tests of the tools share: one running cluster, and a checkout of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from cmf_localfleet import LocalCluster, Workspace


@pytest.fixture(scope="session", autouse=True)
def _own_binaries() -> Iterator[None]:
    """Test what is built here, also where official binaries are installed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("KUBEBUILDER_ASSETS", raising=False)
        yield


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running cluster; who stops or pauses it starts it again."""
    with LocalCluster(tmp_path_factory.mktemp("clusters") / "shared", die_with_parent=True) as running:
        yield running


@pytest.fixture
def checkout(tmp_path: Path) -> Workspace:
    """A copy of the tools' sources with nothing built yet, at a path that needs quoting."""
    root = tmp_path / "it's a checkout"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Workspace.find().tools, root / "tools", ignore=ignored)
    return Workspace(root)
