"""What an API server or the network can do wrong, and what a caller is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
from cmf_core.errors import ClusterUnavailable, CmfError
from cmf_hub.clusters import FLINK_DEPLOYMENT, KubernetesRefusal, WatchEnded
from cmf_hub.clusters import transport as module
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.credentials import ClusterCredentials

from tests.hub.clusters.hostile import STREAM, Server, answer, chunk, serving


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as running:
        yield running


@pytest.fixture
async def connection(server: Server) -> AsyncIterator[Connection]:
    opened = server.connection(request_timeout=1, watch_silence=1)
    yield opened
    await opened.close()


def status(code: int, reason: str, message: str) -> bytes:
    return json.dumps({"kind": "Status", "code": code, "reason": reason, "message": message}).encode()


async def failure(connection: Connection) -> CmfError:
    with pytest.raises(CmfError) as caught:
        await connection.get(FLINK_DEPLOYMENT, "default", "app")
    assert "'spoke'" in str(caught.value)
    assert "secret-token" not in str(caught.value)
    assert len(str(caught.value)) < 3000
    return caught.value


async def test_the_token_reaches_the_server_and_nothing_else_of_the_hub_does(
    server: Server, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    server.behaviour = answer(body=b'{"gitVersion": "v1.34.1"}', Set_Cookie="session=1")
    assert await connection.version() == "v1.34.1"
    await connection.version()
    for request in server.requests:
        lines = request.splitlines()
        assert lines[0] == "GET /version HTTP/1.1"
        assert "Authorization: Bearer secret-token" in lines
        assert "User-Agent: cmf-hub" in lines
        assert "session" not in request


@pytest.mark.parametrize(
    ("code", "reason"),
    [("500 Internal Server Error", "InternalError"), ("503 Service Unavailable", "ServiceUnavailable"), ("504 X", "")],
)
async def test_a_failing_server_is_unavailable(server: Server, connection: Connection, code: str, reason: str) -> None:
    server.behaviour = answer(code, status(int(code[:3]), reason, "etcd has no leader"))
    error = await failure(connection)
    assert isinstance(error, ClusterUnavailable)
    assert f"HTTP {code[:3]} etcd has no leader" in str(error)
    assert error.retry_after is None
    assert len(server.requests) == 1


async def test_a_busy_server_says_when_to_come_back(server: Server, connection: Connection) -> None:
    server.behaviour = answer("429 Too Many Requests", status(429, "TooManyRequests", "slow down"), Retry_After="7")
    error = await failure(connection)
    assert isinstance(error, ClusterUnavailable)
    assert error.retry_after == 7
    assert len(server.requests) == 1


async def test_rejected_credentials_are_named(server: Server, connection: Connection) -> None:
    server.behaviour = answer("401 Unauthorized", status(401, "Unauthorized", "Unauthorized"))
    error = await failure(connection)
    assert isinstance(error, ClusterUnavailable)
    assert "replace its kubeconfig file" in str(error)


@pytest.mark.parametrize(
    ("code", "status_of_the_api"), [(400, 422), (403, 403), (405, 422), (409, 409), (413, 422), (422, 422)]
)
async def test_a_refusal_is_final(server: Server, connection: Connection, code: int, status_of_the_api: int) -> None:
    server.behaviour = answer(f"{code} X", status(code, "Reason", "because"))
    error = await failure(connection)
    assert isinstance(error, KubernetesRefusal)
    assert (error.code, error.reason, error.status) == (code, "Reason", status_of_the_api)
    assert "because" in str(error)


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (answer(body=b"<html>"), "broke off"),
        (answer(body=b"[]"), "not a JSON object"),
        (answer(body=b"[" * 100_000), "broke off"),
        (answer(body=b"\xff"), "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "in time"),
        (b"garbage\r\n\r\n", "broke off"),
        (answer("302 Found", Location="https://169.254.169.254/"), "redirects"),
        (answer("307 Temporary Redirect", Location="/elsewhere"), "redirects"),
    ],
)
async def test_a_broken_answer_is_unavailable(server: Server, connection: Connection, raw: bytes, words: str) -> None:
    server.behaviour = raw
    error = await failure(connection)
    assert isinstance(error, ClusterUnavailable)
    assert words in str(error)
    assert len(server.requests) == 1


async def test_an_answer_that_is_cut_off_is_unavailable(server: Server, connection: Connection) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")

    server.behaviour = cut
    assert isinstance(await failure(connection), ClusterUnavailable)


async def test_an_endless_answer_is_given_up(
    server: Server, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM)
        while not writer.is_closing():
            writer.write(chunk(b" " * 65536))
            await writer.drain()
            await asyncio.sleep(0)  # drain does not, as long as there is room

    monkeypatch.setattr(module, "_LARGEST_ANSWER", 2**20)
    server.behaviour = endless
    assert "larger than 1048576 bytes" in str(await failure(connection))


async def test_a_server_that_says_nothing_is_given_up_after_the_time_limit(
    server: Server, connection: Connection
) -> None:
    async def silent(_: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    server.behaviour = silent
    error = await failure(connection)
    assert isinstance(error, ClusterUnavailable)
    assert "did not answer in time" in str(error)


async def test_nobody_listens() -> None:
    connection = Connection("spoke", ClusterCredentials("https://127.0.0.1:1", token="secret-token"))
    assert "cannot connect to https://127.0.0.1:1 (Connection refused)" in str(await failure(connection))
    await connection.close()


async def test_a_name_that_does_not_exist() -> None:
    connection = Connection("spoke", ClusterCredentials("https://spoke.invalid", token="secret-token"))
    assert "cannot connect to https://spoke.invalid" in str(await failure(connection))
    await connection.close()


async def test_a_server_of_another_authority_is_not_trusted(server: Server) -> None:
    connection = Connection("spoke", ClusterCredentials(server.address, token="secret-token"))
    assert "is not trusted" in str(await failure(connection))
    assert server.requests == []
    await connection.close()


async def test_a_server_under_another_name_is_not_trusted_unless_the_kubeconfig_says_so(server: Server) -> None:
    ca = server.connection().credentials.ca
    for name, trusted in (("other.example", False), ("127.0.0.1", True)):
        server.behaviour = answer(body=b'{"gitVersion": "v1"}')
        connection = Connection(
            "spoke", ClusterCredentials(server.address, ca=ca, token="secret-token", tls_server_name=name)
        )
        if trusted:
            assert await connection.version() == "v1"
        else:
            assert "is not trusted" in str(await failure(connection))
        await connection.close()


async def test_an_unverified_server_is_reached_where_that_is_allowed(server: Server) -> None:
    server.behaviour = answer(body=b'{"gitVersion": "v1"}')
    connection = Connection("spoke", ClusterCredentials(server.address, token="secret-token", verify=False))
    assert await connection.version() == "v1"
    await connection.close()


def event(kind: str, version: str, **metadata: str) -> bytes:
    found = {"kind": "FlinkDeployment", "metadata": {"resourceVersion": version, **metadata}}
    return chunk(json.dumps({"type": kind, "object": found}).encode() + b"\n")


async def watched(connection: Connection) -> tuple[list[tuple[str, str]], CmfError]:
    """Return what a watch yields until it ends, and how it ends."""
    seen = []

    async def watch() -> None:
        async with aclosing(connection.watch(FLINK_DEPLOYMENT, "a=b", "5")) as events:
            async for kind, found in events:
                seen.append((kind, found["metadata"]["resourceVersion"]))

    with pytest.raises(CmfError) as caught:
        await watch()
    return seen, caught.value


async def test_a_watch_goes_on_where_the_stream_ended(server: Server, connection: Connection) -> None:
    streams = [
        [event("ADDED", "6"), event("BOOKMARK", "9"), b"0\r\n\r\n"],
        [event("MODIFIED", "10"), b"0\r\n\r\n"],
        [b"0\r\n\r\n"],
    ]

    async def stream(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + b"".join(streams.pop(0)))
        await writer.drain()

    server.behaviour = stream
    seen, ended = await watched(connection)
    assert seen == [("ADDED", "6"), ("MODIFIED", "10")]
    assert isinstance(ended, WatchEnded)
    queries = [request.split()[1].partition("?")[2] for request in server.requests]
    assert [query.rpartition("resourceVersion=")[2] for query in queries] == ["5", "9", "10"]
    assert all("allowWatchBookmarks=true" in query and "timeoutSeconds=290" in query for query in queries)


@pytest.mark.parametrize(
    ("raw", "kind", "words"),
    [
        (STREAM + event("ADDED", "6"), ClusterUnavailable, "did not answer in time"),
        (STREAM + event("ADDED", "6") + chunk(b"{half"), ClusterUnavailable, "did not answer in time"),
        (STREAM + event("ADDED", "6") + chunk(b"not json\n"), ClusterUnavailable, "broke off"),
        (STREAM + event("ADDED", "6") + chunk(b"{}\n"), ClusterUnavailable, "broke off"),
        (
            STREAM + event("ADDED", "6")
            + chunk(b'{"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}\n'),
            WatchEnded, "too old",
        ),
        (
            STREAM + event("ADDED", "6")
            + chunk(b'{"type": "ERROR", "object": {"code": 500, "message": "etcd is gone"}}\n'),
            ClusterUnavailable, "etcd is gone",
        ),
    ],
)  # fmt: skip
async def test_a_watch_that_cannot_go_on_says_why(
    server: Server, connection: Connection, raw: bytes, kind: type[CmfError], words: str
) -> None:
    server.behaviour = raw
    seen, ended = await watched(connection)
    assert seen == [("ADDED", "6")]
    assert type(ended) is kind
    assert words in str(ended)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(410, WatchEnded), (403, KubernetesRefusal), (500, ClusterUnavailable), (401, ClusterUnavailable)],
)
async def test_a_watch_that_does_not_begin_says_why(
    server: Server, connection: Connection, code: int, kind: type[CmfError]
) -> None:
    server.behaviour = answer(f"{code} X", status(code, "X", "because"))
    seen, ended = await watched(connection)
    assert seen == []
    assert type(ended) is kind


async def test_a_watch_whose_stream_is_cut_off_is_unavailable(server: Server, connection: Connection) -> None:
    async def cut(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + event("ADDED", "6"))
        await writer.drain()

    server.behaviour = cut
    seen, ended = await watched(connection)
    assert seen == [("ADDED", "6")]
    assert type(ended) is ClusterUnavailable


async def test_closing_ends_calls_and_watches_that_wait(server: Server) -> None:
    began = asyncio.Event()

    async def stream(writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM + event("ADDED", "6"))
        await writer.drain()
        began.set()
        await asyncio.Event().wait()

    server.behaviour = stream
    connection = server.connection(request_timeout=60, watch_silence=60)
    watch = asyncio.create_task(watched(connection))
    await began.wait()
    call = asyncio.create_task(failure(connection))
    await asyncio.sleep(0)
    await connection.close()
    async with asyncio.timeout(10):
        _, ended = await watch
        ended_call = await call
    for error in (ended, ended_call, await failure(connection)):
        assert isinstance(error, ClusterUnavailable)
        assert "its kubeconfig was replaced or removed" in str(error)
