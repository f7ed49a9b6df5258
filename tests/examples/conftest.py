"""Local clusters with the operator stand-in, a hub, and examples as somebody runs them who copied their folders."""

import base64
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cmf_localfleet import Workspace

from tests.examples.example import Example
from tests.support.fleet import running_fleet
from tests.support.hub import Hub, Spoke
from tests.support.issuer import Issuer
from tests.support.pictures import EXAMPLES


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Spoke]]:
    """Clusters `home` and `spoke`, each with a stand-in."""
    with running_fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture(scope="session")
def settings(fleet: dict[str, Spoke]) -> dict[str, str]:
    """Settings of a hub on cluster `home`, which knows no other cluster yet."""
    return {
        "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG": str(fleet["home"].cluster.kubeconfig),
        "CMF_ENCRYPTION_KEYS": base64.b64encode(os.urandom(32)).decode(),
    }


@pytest.fixture(scope="session")
def cmf(settings: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A hub that takes everybody's calls."""
    hub = Hub(tmp_path_factory.mktemp("hub"), settings)
    hub.start()
    hub.connected("default-k8s-cluster")
    yield hub
    hub.stop()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    """Who signs tokens."""
    issuer = Issuer()
    with issuer.serve():
        yield issuer


@pytest.fixture
def careful(settings: dict[str, str], issuer: Issuer, tmp_path: Path) -> Iterator[Hub]:
    """A hub that knows callers by the issuer's tokens, and their rights by the roles of the example."""
    roles = tmp_path / "roles.yaml"
    shutil.copy(EXAMPLES / "self_service" / "roles.yaml", roles)
    auth = {
        "CMF_AUTHENTICATION_TYPE": "oauth",
        "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_ISSUER": issuer.name,
        "CMF_AUTHENTICATION_OAUTHBEARER_EXPECTED_AUDIENCE": "cmf",
        "CMF_AUTHENTICATION_OAUTHBEARER_JWKS_ENDPOINT_URL": issuer.url,
        "CMF_SUPER_USERS": "Group:platform",
        "CMF_AUTHORIZATION_TYPE": "file",
        "CMF_AUTHORIZATION_ROLE_BINDINGS_FILE": str(roles),
    }
    hub = Hub(tmp_path / "hub", {**settings, **auth})
    hub.start()
    yield hub
    hub.stop()


@pytest.fixture
def example(tmp_path: Path) -> Iterator[Callable[..., Example]]:
    """Copy an example's folder and make its stack `dev`; what it made is destroyed."""
    made: list[Example] = []

    def start(name: str, hub: Hub) -> Example:
        one = Example(name, tmp_path / name, Workspace.find())
        one.environment |= {"CMF_URL": str(hub.http.base_url), "CMF_KUBECONFIG_DIRECTORY": str(hub.kubeconfigs)}
        made.append(one)
        one.start()
        return one

    yield start
    for one in reversed(made):
        one.end()
