"""Requests in turn over kept connections, by a process of its own, so that only the servers' cost differs.

The child (``python -m tests.performance.client``) is told a load on a line of standard input and answers with
a line of figures. It knows just enough HTTP/1.1: answers with Content-Length or chunks, and no redirects.
"""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self, cast
from urllib.parse import urlsplit

import uvloop
import yaml

FIRST = 10_000_000
"""Number of the first of many objects; all of them have as many digits."""


@dataclass(frozen=True)
class Server:
    """Where to connect, and as whom; `ca`, `certificate` and `key` are PEM texts of a TLS server."""

    url: str
    ca: str = ""
    certificate: str = ""
    key: str = ""

    @classmethod
    def of_kubeconfig(cls, text: str) -> Self:
        """Return the server of a kubeconfig with inline certificates."""
        document = yaml.load(text, Loader=yaml.CSafeLoader)
        cluster, user = document["clusters"][0]["cluster"], document["users"][0]["user"]
        return cls(
            cluster["server"],
            _pem(cluster["certificate-authority-data"]),
            _pem(user.get("client-certificate-data", "")),
            _pem(user.get("client-key-data", "")),
        )

    def context(self) -> ssl.SSLContext:
        """Return how to speak TLS with it."""
        context = ssl.create_default_context(cadata=self.ca)
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # OpenSSL reads it from a file only
                file.write(self.certificate + self.key)
                file.flush()
                context.load_cert_chain(file.name)
        return context


@dataclass(frozen=True)
class Load:
    """Requests to send one after the other on each connection.

    In path and body, `{n}` is a number that goes up with each request, and `{k}` one of `FIRST ... FIRST + many - 1`.

    Attributes:
        server: where to.
        path: path and query.
        method: HTTP method.
        body: body, or "".
        connections: how many there are, each with one request at a time.
        seconds: for how long; requests under way are waited for.
        limit: requests at most.
        content_type: of the body.
        first: first `{n}`; 0 goes on from the last, and starts with one that was never used before.
        many: how many different `{k}` there are.
    """

    server: Server
    path: str
    method: str = "GET"
    body: str = ""
    connections: int = 1
    seconds: float = 1.0
    limit: int = 1_000_000
    content_type: str = "application/json"
    first: int = 0
    many: int = 1


@dataclass(frozen=True)
class Outcome:
    """What came of a load: requests answered with 2xx, how long that took, and each one's seconds."""

    seconds: float
    times: list[float] = field(repr=False)
    size: int = 0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.times) / self.seconds

    def percentile(self, percent: float) -> float:
        """Return the time in milliseconds that `percent` of the requests took at most."""
        return percentile(self.times, percent) * 1000


class LoadFailed(Exception):
    """A server answered with something else than 2xx; figures of such a load would say nothing."""


def percentile(values: list[float], percent: float) -> float:
    """Return the smallest value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


class Client:
    """The child process, from `with` on; its connections stay open from one load to the next."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.performance.client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(30)

    def run(self, load: Load) -> Outcome:
        """Carry out a load.

        Raises:
            LoadFailed: an answer was no success.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(load)) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        if answer["failures"]:
            raise LoadFailed(f"{load.method} {load.server.url}{load.path}: {answer['failures']}: {answer['sample']}")
        return Outcome(answer["seconds"], answer["times"], answer["size"])


class _Connection(asyncio.Protocol):
    """One kept connection."""

    def __init__(self) -> None:
        self.is_open = True
        self._data = bytearray()
        self._waiting: asyncio.Future[tuple[int, int, bytes]] | None = None
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's TLS transport is none by its type

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(exc or ConnectionError("closed"))

    def data_received(self, data: bytes) -> None:
        self._data += data
        answer = _answer(self._data)
        if answer is not None and self._waiting is not None:
            self._data.clear()
            self._waiting.set_result(answer)

    async def ask(self, request: bytes) -> tuple[int, int, bytes]:
        """Return status, length and beginning of the answer's body."""
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._waiting


def _answer(data: bytearray) -> tuple[int, int, bytes] | None:
    """Return status, length and beginning of a whole answer; None if there is more to come."""
    end = data.find(b"\r\n\r\n")
    if end < 0:
        return None
    head, start = bytes(data[:end]).lower(), end + 4
    at = head.find(b"\r\ncontent-length:")
    if at >= 0:
        length = int(head[at + 17 :].split(b"\r\n", 1)[0])
        if len(data) - start < length:
            return None
    elif b"\r\ntransfer-encoding: chunked" in head:
        if not data.endswith(b"0\r\n\r\n"):
            return None
        length = len(data) - start
    else:
        length = 0
    return int(head[9:12]), length, bytes(data[start : start + 300])


class _Child:
    """What the child process does."""

    def __init__(self) -> None:
        self._open: dict[str, list[_Connection]] = {}
        self._number = time.time_ns() // 1000

    async def serve(self) -> None:
        """Answer line by line until the input ends."""
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            given = json.loads(line)
            load = Load(**{**given, "server": Server(**given["server"])})
            sys.stdout.write(json.dumps(await self._run(load)) + "\n")
            sys.stdout.flush()

    async def _run(self, load: Load) -> Mapping[str, Any]:
        connections = [each for each in self._open.get(load.server.url, []) if each.is_open]
        self._open[load.server.url] = connections
        while len(connections) < load.connections:
            connections.append(await _connect(load.server))
        times: list[float] = []
        sizes: list[int] = []
        failures: Counter[str] = Counter()
        sample = ""
        left = load.limit
        kept, self._number = self._number, load.first or self._number
        started = time.perf_counter()
        end = started + load.seconds

        async def use(connection: _Connection) -> None:
            nonlocal left, sample
            while left > 0 and time.perf_counter() < end:
                left -= 1
                request = _request(load, self._number)
                self._number += 1
                sent = time.perf_counter()
                status, size, body = await connection.ask(request)
                times.append(time.perf_counter() - sent)
                sizes.append(size)
                if not 200 <= status < 300:
                    failures[str(status)] += 1
                    sample = body.decode(errors="replace")

        await asyncio.gather(*(use(connection) for connection in connections[: load.connections]))
        seconds = time.perf_counter() - started
        self._number = kept if load.first else self._number
        size = int(statistics.median(sizes)) if sizes else 0
        return {"seconds": seconds, "times": times, "size": size, "failures": dict(failures), "sample": sample}


def _request(load: Load, number: int) -> bytes:
    path, body = (
        text.replace("{n}", str(number)).replace("{k}", str(FIRST + number * 7919 % load.many))
        for text in (load.path, load.body)
    )
    head = f"{load.method} {path} HTTP/1.1\r\nHost: localhost\r\n"
    head += "Accept: application/json\r\n"
    if body:
        head += f"Content-Type: {load.content_type}\r\nContent-Length: {len(body.encode())}\r\n"
    return f"{head}\r\n{body}".encode()


async def _connect(server: Server) -> _Connection:
    url, context = urlsplit(server.url), None
    host, port = url.hostname or "", url.port or 0
    if url.scheme == "https":
        context = server.context()
    _, connection = await asyncio.get_running_loop().create_connection(
        _Connection, host, port, ssl=context, server_hostname=host if context else None
    )
    return connection


def _pem(text: str) -> str:
    return base64.b64decode(text).decode()


if __name__ == "__main__":
    uvloop.run(_Child().serve())
