"""What a healthy API server does not show: refusals, expired watches, and what goes over the wire."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from flink_operator_standin.controller import Controller
from flink_operator_standin.kube import UNREACHABLE, Cluster
from flink_operator_standin.timings import Timings
from kubernetes.aio.client.exceptions import ApiException

from tests.operator_standin import objects

Json = dict[str, Any]
PATH = "/apis/flink.apache.org/v1beta1/flinkdeployments"


class Scripted:
    """An API server that answers as it is told, one answer a request."""

    def __init__(self) -> None:
        self.answers: list[web.StreamResponse] = []
        self.requests: list[web.BaseRequest] = []

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        return self.answers.pop(0) if self.answers else web.json_response({"message": "no more answers"}, status=503)


@pytest.fixture
async def scripted(tmp_path: Path) -> AsyncIterator[tuple[Scripted, Cluster]]:
    """The server, and a connection to it with a token."""
    script = Scripted()
    server = web.ServerRunner(web.Server(script.handle))
    await server.setup()
    site = web.TCPSite(server, "127.0.0.1", 0)
    await site.start()
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        f"""
apiVersion: v1
kind: Config
current-context: it
contexts: [{{name: it, context: {{cluster: it, user: it}}}}]
clusters: [{{name: it, cluster: {{server: "http://127.0.0.1:{server.addresses[0][1]}"}}}}]
users: [{{name: it, user: {{token: a-token}}}}]
"""
    )
    async with await Cluster.connect(kubeconfig, objects.GROUP) as cluster:
        yield script, cluster
    await server.cleanup()


def listed(*items: Json, version: str) -> web.Response:
    """A list's answer."""
    return web.json_response({"items": list(items), "metadata": {"resourceVersion": version}})


def watched(*lines: str) -> web.Response:
    """A watch's answer."""
    return web.Response(text="".join(f"{line}\n" for line in lines))


EXPIRED = '{"type":"ERROR","object":{"code":410,"message":"too old resource version","reason":"Expired"}}'


async def test_the_token_of_the_kubeconfig_is_sent(scripted: tuple[Scripted, Cluster]) -> None:
    script, cluster = scripted
    script.answers = [listed(version="7")]
    assert await cluster.list("FlinkDeployment", None) == ([], "7")
    assert script.requests[0].headers["Authorization"] == "Bearer a-token"
    assert script.requests[0].path == PATH


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (web.json_response({"kind": "Status", "message": "flinkdeployments is forbidden"}, status=403), "is forbidden"),
        (web.Response(text="upstream is away\n", status=502), "upstream is away"),
        (web.Response(status=500), "Internal Server Error"),
    ],
)
async def test_a_refusal_carries_the_server_s_words(
    scripted: tuple[Scripted, Cluster], answer: web.Response, reason: str
) -> None:
    script, cluster = scripted
    script.answers = [answer]
    with pytest.raises(ApiException) as refusal:
        await cluster.list("FlinkDeployment", None)
    assert refusal.value.status == answer.status
    assert reason in refusal.value.reason


async def test_an_expired_watch_is_a_410(scripted: tuple[Scripted, Cluster]) -> None:
    script, cluster = scripted
    script.answers = [watched(EXPIRED), web.json_response({"message": "gone"}, status=410)]
    for _ in range(2):
        with pytest.raises(ApiException) as refusal:
            await anext(cluster.watch("FlinkDeployment", "here", "1"))
        assert refusal.value.status == 410
    assert script.requests[0].query["resourceVersion"] == "1"


async def test_a_watch_that_is_cut_off_counts_as_unreachable(scripted: tuple[Scripted, Cluster]) -> None:
    script, cluster = scripted
    script.answers = [web.Response(text='{"type":"ADDED","obj')]
    with pytest.raises(UNREACHABLE):
        await anext(cluster.watch("FlinkDeployment", None, "1"))


class Expiring(Cluster):
    """A cluster whose watches expire at once, and whose second list has lost an object."""

    def __init__(self) -> None:
        self.lists = 0
        self.again = asyncio.Event()

    async def list(self, kind: Any, namespace: str | None) -> tuple[list[Json], str]:
        if kind != "FlinkDeployment":
            return [], "1"
        self.lists += 1
        if self.lists == 3:
            self.again.set()
        metadata = {"namespace": "default", "uid": "u", "generation": 2, "deletionTimestamp": "now"}
        names = {1: ["kept", "lost"]}.get(self.lists, ["kept"])
        items = [
            objects.session(name) | {"metadata": {**metadata, "name": name, "resourceVersion": "5"}} for name in names
        ]
        return items, "9"

    async def watch(self, kind: Any, namespace: str | None, resource_version: str) -> AsyncIterator[tuple[str, Json]]:
        if kind == "FlinkDeployment":
            raise ApiException(status=410, reason="Expired")
        await asyncio.Event().wait()
        yield "", {}


async def test_after_an_expired_watch_objects_are_listed_anew() -> None:
    cluster = Expiring()
    controller = Controller(cluster, (), Timings.at_speed(20))
    running = asyncio.create_task(controller.run())
    await asyncio.wait_for(cluster.again.wait(), 30)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert [known["metadata"]["name"] for known in controller._objects] == ["kept"]


def test_a_speed_that_is_not_positive_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        Timings.at_speed(0)
    assert Timings.at_speed(2).jobmanager_start == Timings().jobmanager_start / 2
