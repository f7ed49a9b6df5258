"""A simulated cluster answers what a real kube-apiserver answers, as far as the hub asks."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from cmf_core.errors import ClusterUnavailable
from cmf_hub.clusters import FLINK_DEPLOYMENT, FLINK_SESSION_JOB, Connection
from cmf_hub.clusters.kubeconfig import Policy, parse
from cmf_localfleet import LocalCluster, install_crds
from cmf_localfleet.connection import connect
from kubernetes.client import CustomObjectsApi
from kubernetes.client.exceptions import ApiException

from tests.performance.client import Server
from tests.performance.simulated import GROUP, SimulatedClusters
from tests.support.wait import wait_for

LIST = f"{GROUP}/flinkdeployments?labelSelector=app.kubernetes.io%2Fmanaged-by%3Dcmf-hub"


@pytest.fixture(scope="module")
def kubeconfigs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    folder = tmp_path_factory.mktemp("both")
    with LocalCluster(folder / "real", die_with_parent=True) as real:
        install_crds(real.kubeconfig)
        real.create_namespace("flink")
        with connect(real.kubeconfig) as client:  # the server refuses with 429 until it has opened a new resource
            api = CustomObjectsApi(client)
            wait_for(lambda: _can_list(api), "the new resources")
        with SimulatedClusters(["simulated-1", "simulated-2"], folder / "simulated") as simulated:
            yield {"real": real.kubeconfig, "simulated": simulated.kubeconfigs[0]}


def _can_list(api: CustomObjectsApi) -> bool:
    try:
        api.list_cluster_custom_object("flink.apache.org", "v1beta1", "flinkdeployments")
    except ApiException as error:
        if error.status != 429:
            raise
        return False
    return True


class Reader:
    """GET requests with a kubeconfig's credentials, or without."""

    def __init__(self, session: aiohttp.ClientSession, kubeconfig: Path) -> None:
        document = yaml.safe_load(kubeconfig.read_text())
        user = document["users"][0]["user"]
        self.server = Server.of_kubeconfig(kubeconfig.read_text())
        self._session = session
        self._headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
        self._context = self.server.context()

    async def get(self, path: str) -> tuple[int, str, Any]:
        """Return status, content type and body."""
        async with self._session.get(self.server.url + path, ssl=self._context, headers=self._headers) as answer:
            return answer.status, answer.content_type, await answer.json()

    async def status(self, path: str) -> int:
        """Return the status alone: a body need not be JSON."""
        async with self._session.get(self.server.url + path, ssl=self._context, headers=self._headers) as answer:
            return answer.status

    async def lines(self, path: str) -> tuple[int, list[Any]]:
        """Return the status and the lines of a stream that the server ends."""
        async with self._session.get(self.server.url + path, ssl=self._context, headers=self._headers) as answer:
            return answer.status, [json.loads(line) async for line in answer.content]

    async def get_as_nobody(self, path: str) -> tuple[int, Any]:
        """Return what a wrong token gets."""
        anonymous = ssl.create_default_context(cadata=self.server.ca)
        headers = {"Authorization": "Bearer wrong"}
        async with self._session.get(self.server.url + path, ssl=anonymous, headers=headers) as answer:
            return answer.status, await answer.json()


@pytest.fixture(params=["real", "simulated"])
async def reader(request: pytest.FixtureRequest, kubeconfigs: dict[str, Path]) -> AsyncIterator[Reader]:
    async with aiohttp.ClientSession(trust_env=False) as session:
        yield Reader(session, kubeconfigs[request.param])


@pytest.fixture(params=["real", "simulated"])
async def connection(request: pytest.FixtureRequest, kubeconfigs: dict[str, Path]) -> AsyncIterator[Connection]:
    credentials = parse(kubeconfigs[request.param].read_bytes(), Policy())
    connection = Connection("spoke", credentials)
    yield connection
    await connection.close()


async def test_the_version_has_the_fields_of_a_version(reader: Reader) -> None:
    status, media, body = await reader.get("/version")
    assert (status, media) == (200, "application/json")
    assert {"major", "minor", "gitVersion", "gitCommit", "buildDate", "goVersion", "compiler", "platform"} <= set(body)
    assert body["gitVersion"].startswith("v1.")
    assert all(isinstance(value, str) for value in body.values())


async def test_the_group_lists_the_operator_s_kinds(reader: Reader) -> None:
    status, _, body = await reader.get(GROUP)
    assert (status, body["kind"], body["apiVersion"]) == (200, "APIResourceList", "v1")
    assert body["groupVersion"] == "flink.apache.org/v1beta1"
    entries = {entry["name"]: entry for entry in body["resources"]}
    assert {"flinkdeployments", "flinksessionjobs"} <= set(entries)
    assert entries["flinkdeployments"]["kind"] == "FlinkDeployment"
    assert {"get", "list", "watch", "patch"} <= set(entries["flinkdeployments"]["verbs"])


async def test_a_namespace_has_a_uid_and_a_phase(reader: Reader) -> None:
    status, _, body = await reader.get("/api/v1/namespaces/kube-system")
    assert (status, body["kind"], body["apiVersion"]) == (200, "Namespace", "v1")
    assert len(body["metadata"]["uid"]) == 36
    assert body["metadata"]["name"] == "kube-system"
    assert body["status"]["phase"] == "Active"


async def test_a_namespace_that_is_not_there_is_a_status(reader: Reader) -> None:
    status, _, body = await reader.get("/api/v1/namespaces/nowhere")
    assert (status, body["kind"], body["reason"], body["code"]) == (404, "Status", "NotFound", 404)
    assert body["message"] == 'namespaces "nowhere" not found'


async def test_an_unknown_resource_is_not_found(reader: Reader) -> None:
    assert await reader.status(f"{GROUP}/nothings") == 404


async def test_a_wrong_token_is_unauthorized(reader: Reader) -> None:
    status, body = await reader.get_as_nobody("/version")
    assert (status, body["kind"], body["reason"], body["code"]) == (401, "Status", "Unauthorized", 401)


async def test_a_list_without_objects_has_a_moment_to_watch_from(reader: Reader) -> None:
    status, _, body = await reader.get(f"{LIST}&limit=500")
    assert (status, body["kind"]) == (200, "FlinkDeploymentList")
    assert (body["apiVersion"], body["items"]) == ("flink.apache.org/v1beta1", [])
    assert body["metadata"]["resourceVersion"].isdigit()
    assert not body["metadata"].get("continue")


async def test_a_watch_ends_at_its_time_limit_with_a_bookmark(reader: Reader) -> None:
    _, _, listing = await reader.get(LIST)
    version = listing["metadata"]["resourceVersion"]
    async with asyncio.timeout(30):
        status, events = await reader.lines(
            f"{LIST}&watch=true&allowWatchBookmarks=true&timeoutSeconds=2&resourceVersion={version}"
        )
    assert status == 200
    for event in events:  # a real server sends the last bookmark only to streams that live some seconds
        assert (event["type"], event["object"]["kind"]) == ("BOOKMARK", "FlinkDeployment")
        assert event["object"]["metadata"]["resourceVersion"].isdigit()


async def test_the_hub_s_connection_reads_both(connection: Connection) -> None:
    assert (await connection.version()).startswith("v1.")
    assert {connection.crd(FLINK_DEPLOYMENT), connection.crd(FLINK_SESSION_JOB)} <= await connection.crds()
    assert await connection.identity() is not None
    assert await connection.namespace_exists("flink")
    assert not await connection.namespace_exists("nowhere")
    listing = await connection.list(FLINK_DEPLOYMENT, "app.kubernetes.io/managed-by=cmf-hub")
    assert listing.items == []
    assert listing.resource_version


async def test_two_simulated_clusters_are_two(tmp_path: Path) -> None:
    identities = set()
    with SimulatedClusters(["one", "two"], tmp_path) as simulated:
        for file in simulated.kubeconfigs:
            connection = Connection("spoke", parse(file.read_bytes(), Policy()))
            identities.add(await connection.identity())
            await connection.close()
        assert simulated.probes() == 0
    assert len(identities) == 2


async def test_a_cluster_that_hangs_takes_requests_and_answers_nothing(tmp_path: Path) -> None:
    with SimulatedClusters(["hanging", "well"], tmp_path) as simulated:
        simulated.hang(["hanging"])
        answers = []
        for file in simulated.kubeconfigs:
            connection = Connection("spoke", parse(file.read_bytes(), Policy()), request_timeout=0.5)
            try:
                answers.append(await connection.version())
            except ClusterUnavailable as error:
                answers.append(type(error).__name__)
            await connection.close()
    assert answers == ["ClusterUnavailable", "v1.34.1"]
