"""A real API server with the operator's CRDs, and connections to it."""

import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from cmf_hub.clusters import FlinkResource
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.kubeconfig import Policy, parse
from cmf_localfleet import LocalCluster, install_crds
from cmf_localfleet.connection import connect
from kubernetes.client import (
    AuthenticationV1TokenRequest,
    CoreV1Api,
    CustomObjectsApi,
    V1ObjectMeta,
    V1ServiceAccount,
    V1TokenRequestSpec,
)
from kubernetes.client.exceptions import ApiException

from tests.hub.clusters.fakes import Hub, running
from tests.support.wait import wait_for

_numbers = itertools.count(1)


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    """A registry with its directory, in fake time and over fake connections."""
    async with running(tmp_path) as started:
        yield started


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running cluster; who stops or pauses it starts it again."""
    with LocalCluster(tmp_path_factory.mktemp("clusters") / "spoke", die_with_parent=True) as running:
        install_crds(running.kubeconfig)
        wait_for(lambda: _serves_all_kinds(running), "the API server to serve the new kinds")
        yield running


@pytest.fixture
def namespace(cluster: LocalCluster) -> str:
    """A namespace of its own."""
    name = f"test-{next(_numbers)}"
    cluster.create_namespace(name)
    return name


@pytest.fixture
def credentials(cluster: LocalCluster) -> ClusterCredentials:
    """The administrator's client certificate, through the hub's own reader."""
    return parse(cluster.kubeconfig.read_bytes(), Policy())


@pytest.fixture
async def connection(credentials: ClusterCredentials) -> AsyncIterator[Connection]:
    """A connection with all rights."""
    opened = Connection("spoke", credentials, request_timeout=20)
    yield opened
    await opened.close()


@pytest.fixture
def token_of(cluster: LocalCluster, namespace: str) -> Callable[[str], str]:
    """Make a service account without any rights, and return a token of it."""

    def make(name: str) -> str:
        with connect(cluster.kubeconfig) as client:
            api = CoreV1Api(client)
            api.create_namespaced_service_account(
                namespace, V1ServiceAccount(metadata=V1ObjectMeta(name=name)), _request_timeout=10
            )
            request = AuthenticationV1TokenRequest(spec=V1TokenRequestSpec(audiences=[]))
            answer = api.create_namespaced_service_account_token(name, namespace, request, _request_timeout=10)
            assert answer.status is not None
            return str(answer.status.token)

    return make


def _serves_all_kinds(cluster: LocalCluster) -> bool:
    """For a moment after their definitions came, lists of the new kinds answer 429."""
    with connect(cluster.kubeconfig) as client:
        api = CustomObjectsApi(client)
        try:
            for resource in FlinkResource:
                api.list_cluster_custom_object("flink.apache.org", "v1beta1", resource.plural, _request_timeout=10)
        except ApiException as error:
            if error.status != 429:
                raise
            return False
    return True
