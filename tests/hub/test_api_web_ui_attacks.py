"""The web UI's paths under hostile and slow clients and JobManagers, over raw sockets."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from aiohttp import web

from tests.support.backend import service
from tests.support.flink_rest import JobManager, job_manager
from tests.support.hub import V1, Hub, Spoke, application, unique
from tests.support.wait import wait_for

MEGABYTE = 2**20


class Target:
    """A hub, the path of a web UI on it, and the JobManager behind."""

    def __init__(self, hub: Hub, root: str, flink: JobManager) -> None:
        self.hub = hub
        self.root = root
        self.flink = flink

    @contextmanager
    def connected(self) -> Iterator[socket.socket]:
        address = ("127.0.0.1", int(self.hub.settings["CMF_PORT"]))
        with socket.create_connection(address, timeout=30) as opened:
            yield opened

    def said(self, request: str | bytes) -> bytes:
        """Send bytes, and return everything that comes until the hub closes or falls silent."""
        data = request.encode("latin-1") if isinstance(request, str) else request
        with self.connected() as client:
            client.sendall(data.replace(b"ROOT", self.root.encode()))
            client.settimeout(2)
            return b"".join(iter(lambda: _received(client), b""))

    def status(self, path: str, headers: str = "", method: str = "GET") -> int:
        answer = self.said(f"{method} {path} HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n{headers}\r\n")
        return int(answer.split(b" ", 2)[1])

    def idle(self) -> None:
        """Wait until no request is under way at the JobManager."""
        wait_for(lambda: self.flink.open == 0, "the JobManager to be left alone")


def _received(client: socket.socket) -> bytes:
    try:
        return client.recv(65536)
    except OSError:
        return b""


@contextmanager
def aimed(hub: Hub, home: Spoke) -> Iterator[Target]:
    environment, name = hub.environment("flink"), unique("app")
    assert hub.post(f"{environment}/applications", application(name)).status_code == 201
    with job_manager() as flink, service(home.cluster, f"{name}-rest", flink.port):
        yield Target(hub, f"{V1}{environment}/applications/{name}/flink-web-ui", flink)


@pytest.fixture
def target(hub: Hub, home: Spoke) -> Iterator[Target]:
    """A web UI that passes on what only looks."""
    with aimed(hub, home) as made:
        yield made


@pytest.fixture
def open_target(own_hub: Callable[..., Hub], home: Spoke) -> Iterator[Target]:
    """A web UI that passes everything on, and waits one second for whoever is silent."""
    hub = own_hub(CMF_FLINK_WEB_UI="full", CMF_FLINK_WEB_UI_SILENCE_SECONDS="1")
    with aimed(hub, home) as made:
        yield made


@pytest.mark.parametrize(
    "tail",
    [
        "/..", "/../", "/../../compute-pools/x", "/a/../b", "/.", "/./", "/...", "/%2e%2e/", "/%2E./", "/.%2e",
        "/a/..%2f..%2f", "/%2f", "/a%2Fb", "//evil.example/x", "/a//b", "//", "/%5c..%5c", "/..\\..\\", "/a%5cb",
        "/%252e%252e/", "/%252f", "/%25", "/%0d%0aX-Evil:%201", "/%0a", "/%00", "/%7f", "/..;/x", "/..;a=b/x", "/.. /x",
        "/..%20/x", "/%c0%ae%c0%ae/", "/%ff", "/%zz", "/%u002e%u002e/", "/http:%2f%2fevil.example/", "/%e2%80%a8",
    ],
)  # fmt: skip
def test_no_path_leads_elsewhere(target: Target, tail: str) -> None:
    assert target.status(f"ROOT{tail}") in (400, 404)
    assert target.flink.requests == []


@pytest.mark.parametrize(
    ("tail", "seen"),
    [
        ("/", "/"), ("/jobs/1", "/jobs/1"), ("/%6aobs", "/jobs"), ("/a%3Fb%23c", "/a%3Fb%23c"), ("/a;b", "/a;b"),
        ("/taskmanagers/10.0.0.1:4001-a%20b", "/taskmanagers/10.0.0.1:4001-a%20b"), ("/x/", "/x/"),
        ("/log..txt", "/log..txt"), ("/%C3%BC", "/%C3%BC"), ("/http:evil", "/http:evil"),
        ("/?path=/../x", "/?path=/../x"), ("/x?a=%0d%0a&b=/..", "/x?a=%0d%0a&b=/.."),
    ],
)  # fmt: skip
def test_what_is_passed_on_has_one_meaning(target: Target, tail: str, seen: str) -> None:
    assert target.status(f"ROOT{tail}") == 200
    assert target.flink.requests == [f"GET {seen}"]


def test_an_absolute_address_is_but_a_path(target: Target) -> None:
    assert target.status("http://evil.example:1ROOT/overview") == 200
    assert target.flink.requests == ["GET /overview"]


@pytest.mark.parametrize("name", ["app:9999", "https:app", "..", "%2e%2e", "app%2f..%2fother", "app-rest"])
def test_names_are_those_of_resources(target: Target, name: str) -> None:
    root = target.root.rsplit("/", 2)[0]
    assert target.status(f"{root}/{name}/flink-web-ui/") in (400, 404)
    assert target.flink.requests == []


SMUGGLED = "GET ROOT/smuggled HTTP/1.1\r\nHost: hub\r\n\r\n"


@pytest.mark.parametrize(
    "headers",
    [
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 3\r\nContent-Length: 80\r\n",
        "Content-Length: 3, 80\r\n",
        "Content-Length: +3\r\n",
        "Content-Length: 0x3\r\n",
        "Content-Length : 3\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding:\r\n chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding : chunked\r\n",
        "X: a\nTransfer-Encoding: chunked\r\n",
        "X: a\rTransfer-Encoding: chunked\r\n",
    ],
)
def test_what_two_servers_may_read_differently_is_refused(target: Target, headers: str) -> None:
    answer = target.said(f"POST ROOT/jars/upload HTTP/1.1\r\nHost: hub\r\n{headers}\r\n0\r\n\r\n{SMUGGLED}")
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 403"))
    assert target.flink.requests in ([], ["GET /smuggled"])  # as a request of its own it is one like any other


def test_the_body_of_a_get_is_not_passed_on(target: Target) -> None:
    body = SMUGGLED.replace("ROOT", target.root)
    answer = target.said(f"GET ROOT/x HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(body)}\r\n\r\n{body}")
    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"body": ""' in answer
    assert target.flink.requests == ["GET /x"]


def test_chunked_uploads_arrive_whole_and_once(open_target: Target) -> None:
    chunks = "5\r\nGET /\r\n0\r\n\r\n"
    answer = open_target.said(
        f"POST ROOT/jars/upload HTTP/1.1\r\nHost: hub\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}{SMUGGLED}"
    )
    assert b'"body": "GET /"' in answer
    assert open_target.flink.requests == ["POST /jars/upload", "GET /smuggled"]


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("ROOT/x", f"If-None-Match: {'x' * 20_000}\r\n", 431),
        ("ROOT/" + "x" * 5000, "", 414),
        ("ROOT/?" + "x" * 9000, "", 414),
        ("ROOT/x", "".join(f"X-{number}: {'y' * 1000}\r\n" for number in range(50)), 200),
        ("ROOT/x", "".join(f"X-{number}: {'y' * 1000}\r\n" for number in range(100)), 400),
        ("ROOT/x", "Range: bytes=0-1\r\nRange: bytes=2-3\r\n", 400),
    ],
)
def test_huge_and_double_headers(target: Target, path: str, headers: str, status: int) -> None:
    assert target.status(path, headers) == status
    assert len(target.flink.requests) == (status == 200)


def test_websockets_are_refused_and_other_upgrades_ignored(target: Target) -> None:
    key = "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    answer = target.said(f"GET ROOT/x HTTP/1.1\r\nHost: hub\r\nUpgrade: websocket\r\n{key}\r\n")
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"speaks no WebSocket" in answer
    assert target.flink.requests == []
    h2c = "GET ROOT/x HTTP/1.1\r\nHost: hub\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
    assert target.said(f"{h2c}HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n").startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "PURGE"])
def test_methods_for_servers_on_the_way_are_not_passed_on(open_target: Target, method: str) -> None:
    assert open_target.status("ROOT/x", method=method) in (400, 404, 405)
    assert open_target.flink.requests == []


async def flood(request: web.Request) -> web.StreamResponse:
    """Send 200 MB, as fast as they are taken."""
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(200):
        await response.write(bytes(MEGABYTE))
    return response


async def swallow(request: web.Request) -> web.StreamResponse:
    """Say how much came."""
    size = 0
    async for chunk in request.content.iter_any():
        size += len(chunk)
    return web.Response(text=str(size))


def test_streams_are_not_kept_in_memory(own_hub: Callable[..., Hub], home: Spoke) -> None:
    with aimed(own_hub(CMF_FLINK_WEB_UI="full"), home) as target:
        process = psutil.Process(target.hub.process.pid)
        address = f"http://127.0.0.1:{target.hub.settings['CMF_PORT']}{target.root}"
        assert httpx.get(f"{address}/", trust_env=False).status_code == 200
        before, most = process.memory_info().rss, 0
        target.flink.behaviour = flood
        with httpx.stream("GET", f"{address}/log", timeout=60, trust_env=False) as answer:
            size = 0
            for chunk in answer.iter_raw():
                size += len(chunk)
                most = max(most, process.memory_info().rss)
        assert size == 200 * MEGABYTE
        target.flink.behaviour = swallow

        def parts() -> Iterator[bytes]:
            nonlocal most
            for _ in range(200):
                yield bytes(MEGABYTE)
                most = max(most, process.memory_info().rss)

        answer = httpx.post(f"{address}/jars/upload", content=parts(), timeout=120, trust_env=False)
        assert answer.text == str(200 * MEGABYTE)
        assert most - before < 30 * MEGABYTE


def test_a_client_that_leaves_ends_the_request(target: Target) -> None:
    target.flink.behaviour = flood
    with target.connected() as client:
        client.sendall(f"GET {target.root}/log HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
        assert client.recv(1000).startswith(b"HTTP/1.1 200")
        assert target.flink.open == 1
    target.idle()


async def never(request: web.Request) -> web.StreamResponse:
    """Answer nothing."""
    await asyncio.Event().wait()
    raise AssertionError


def test_a_client_that_leaves_before_the_answer_ends_the_request(target: Target) -> None:
    target.flink.behaviour = never
    with target.connected() as client:
        client.sendall(f"GET {target.root}/log HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
        wait_for(lambda: target.flink.open == 1, "the request to be under way")
    target.idle()


def test_a_client_that_leaves_during_an_upload_ends_it(open_target: Target) -> None:
    with open_target.connected() as client:
        head = f"POST {open_target.root}/jars/upload HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000000\r\n\r\n"
        client.sendall(head.encode() + b"x" * 1000)
        wait_for(lambda: open_target.flink.open == 1, "the upload to be under way")
    open_target.idle()


def test_a_client_that_takes_nothing_is_left(open_target: Target) -> None:
    open_target.flink.behaviour = flood
    with open_target.connected() as client:
        client.sendall(f"GET {open_target.root}/log HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
        wait_for(lambda: open_target.flink.requests, "the request to come")
        open_target.idle()


def test_a_client_that_sends_nothing_is_told(open_target: Target) -> None:
    with open_target.connected() as client:
        head = f"POST {open_target.root}/jars/upload HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000000\r\n\r\n"
        client.sendall(head.encode() + b"x" * 1000)
        assert client.recv(1000).startswith(b"HTTP/1.1 408")
    open_target.idle()


def test_a_silent_job_manager_is_503(open_target: Target) -> None:
    open_target.flink.behaviour = never
    assert open_target.status("ROOT/x") == 503
    open_target.idle()


async def broken(request: web.Request) -> web.StreamResponse:
    """Promise more than comes."""
    response = web.StreamResponse(headers={"Content-Length": str(9 * MEGABYTE)})
    await response.prepare(request)
    for _ in range(8):
        await response.write(bytes(MEGABYTE))
    assert request.transport is not None
    request.transport.close()
    return response


def test_a_job_manager_that_breaks_off_is_not_taken_for_complete(target: Target) -> None:
    target.flink.behaviour = broken
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"http://127.0.0.1:{target.hub.settings['CMF_PORT']}{target.root}/log", trust_env=False)
