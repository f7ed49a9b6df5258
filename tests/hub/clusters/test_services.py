"""Services of a cluster through the proxy of its real API server."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace

import aiohttp
import pytest
from aiohttp import web
from cmf_core.errors import ClusterUnavailable
from cmf_hub.clusters import KubernetesRefusal
from cmf_hub.clusters import services as module
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.services import Address, Service, ServiceRefusal, ServiceUnreachable
from cmf_localfleet import LocalCluster

from tests.support.backend import reachable_address, service

Behaviour = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Backend:
    """A web server whose answers tests choose."""

    def __init__(self) -> None:
        self.behaviour: Behaviour = self.echo
        self.port = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        return await self.behaviour(request)

    async def echo(self, request: web.Request) -> web.StreamResponse:
        seen = {"method": request.method, "path": request.raw_path, "headers": dict(request.headers)}
        return web.json_response({**seen, "body": (await request.read()).decode()})


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    made = Backend()
    server = web.Application(client_max_size=2**30)
    server.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(server, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, reachable_address(), 0)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    await runner.cleanup()


@pytest.fixture
def address(cluster: LocalCluster, namespace: str, backend: Backend) -> Iterator[Address]:
    with service(cluster, "orders-rest", backend.port, namespace=namespace):
        yield Address(namespace, "orders-rest", 8081)


def answering(status: int, text: str, kind: str = "application/json") -> Behaviour:
    async def behave(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text=text, content_type=kind)

    return behave


@pytest.mark.parametrize("pod", [False, True])
async def test_json_goes_to_the_service_or_pod_and_back(
    connection: Connection, address: Address, backend: Backend, pod: bool
) -> None:
    where = replace(address, pod=True, port=backend.port) if pod else address
    seen = await Service(connection, where).json("POST", "/v1/sessions?a=b%20c", {"x": "ü"})
    assert (seen["method"], seen["path"], json.loads(seen["body"])) == ("POST", "/v1/sessions?a=b%20c", {"x": "ü"})


async def test_the_hubs_credentials_do_not_reach_the_service(
    cluster: LocalCluster, connection: Connection, address: Address
) -> None:
    seen = await Service(connection, address).json("GET", "/")
    assert not {"Authorization", "Cookie"} & set(seen["headers"])


async def test_errors_of_the_service_are_its_own(connection: Connection, address: Address, backend: Backend) -> None:
    backend.behaviour = answering(404, '{"errors": ["Job abc not found", "at org.apache..."]}')
    with pytest.raises(
        ServiceRefusal, match=r"service 'orders-rest' port 8081 .* HTTP 404 Job abc not found"
    ) as caught:
        await Service(connection, address).json("GET", "/jobs/abc")
    assert (caught.value.status, caught.value.code) == (502, 404)


async def test_an_empty_answer_is_none(connection: Connection, address: Address, backend: Backend) -> None:
    backend.behaviour = answering(202, "")
    assert await Service(connection, address).json("PATCH", "/jobs/abc") is None


@pytest.mark.parametrize("text", ["<html>", '{"a":'])
async def test_what_is_not_json_is_refused(
    connection: Connection, address: Address, backend: Backend, text: str
) -> None:
    backend.behaviour = answering(200, text, "text/html")
    with pytest.raises(ServiceRefusal, match="not JSON"):
        await Service(connection, address).json("GET", "/")


async def test_a_redirect_is_not_followed(connection: Connection, address: Address, backend: Backend) -> None:
    async def behave(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/elsewhere")

    backend.behaviour = behave
    with pytest.raises(ServiceRefusal) as caught:
        await Service(connection, address).json("GET", "/")
    assert caught.value.code == 302


async def test_too_large_an_answer_is_refused(
    connection: Connection, address: Address, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LARGEST_JSON", 1000)
    backend.behaviour = answering(200, json.dumps("x" * 2000))
    with pytest.raises(ServiceRefusal, match="larger than 1000 bytes"):
        await Service(connection, address).json("GET", "/")


async def test_a_silent_service_costs_no_more_than_the_time_given(
    connection: Connection, address: Address, backend: Backend
) -> None:
    never: asyncio.Future[web.StreamResponse] = asyncio.get_running_loop().create_future()
    backend.behaviour = lambda _: never
    with pytest.raises(ClusterUnavailable, match="did not answer in time"):
        await Service(connection, address).json("GET", "/", seconds=0.5)
    never.cancel()


async def test_a_missing_service_a_dead_pod_and_a_missing_pod(
    connection: Connection, cluster: LocalCluster, namespace: str
) -> None:
    with pytest.raises(ServiceUnreachable, match='"no-such" not found'):
        await Service(connection, Address(namespace, "no-such", 8081)).json("GET", "/")
    with service(cluster, "dead-rest", 1, namespace=namespace):
        with pytest.raises(ServiceUnreachable, match="connection refused"):
            await Service(connection, Address(namespace, "dead-rest", 8081)).json("GET", "/")
        with pytest.raises(ServiceUnreachable):
            await Service(connection, Address(namespace, "dead-rest", 8082)).json("GET", "/")


async def test_a_hub_without_the_right_is_told_so(
    credentials: ClusterCredentials, address: Address, token_of: Callable[[str], str]
) -> None:
    weak = replace(credentials, client_certificate=None, client_key=None, token=token_of("weak"))
    connection = Connection("spoke", weak, request_timeout=20)
    with pytest.raises(
        KubernetesRefusal, match=r"does not allow the hub to reach service 'orders-rest'.*services/proxy"
    ):
        await Service(connection, address).json("GET", "/")
    await connection.close()


@pytest.mark.parametrize("name", ["../../secrets", "a/b", "", "a b", "A", "a%2fb", "a:b", "-a", "x\r\ny"])
def test_no_address_leads_elsewhere(name: str) -> None:
    with pytest.raises(ValueError, match="no name of Kubernetes"):
        Address("flink", name, 8081)
    with pytest.raises(ValueError, match="no name of Kubernetes"):
        Address(name, "orders-rest", 8081)


async def test_closing_the_connection_ends_what_streams(
    connection: Connection, address: Address, backend: Backend
) -> None:
    async def behave(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"begin")
        await asyncio.Event().wait()
        return response

    backend.behaviour = behave
    async with Service(connection, address).stream("GET", "/", {}, None, silence=20) as streamed:
        assert await anext(streamed.chunks) == b"begin"
        await connection.close()
        with pytest.raises(aiohttp.ClientConnectionError, match="closed"):
            await anext(streamed.chunks)
