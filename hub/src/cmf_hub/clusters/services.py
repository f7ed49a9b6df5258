"""Services and pods of a cluster, reached through its API server's proxy with the hub's own credentials.

The hub may be anywhere: it needs no route to the pods, only the right `get` (and `create`, ... for what changes
something) on `services/proxy` in the environments' namespaces.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterable, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
from cmf_core.errors import CmfError
from multidict import CIMultiDictProxy

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.refusals import answer_error

LARGEST_JSON = 8 * 2**20
"""Bytes of a JSON answer at most."""

_LONGEST_TEXT = 2000
_LARGEST_STATUS = 64 * 1024
_PROXY_ERRORS = frozenset({401, 403, 404, 429, 500, 502, 503, 504})
"""Codes with which an API server says itself that it could not pass a request on."""
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")


class ServiceUnreachable(CmfError):
    """The cluster answers, and the service on it does not: it is not there, has no ready pod, or was silent."""

    status = 503


class ServiceRefusal(CmfError):
    """A service answered with an error of its own.

    Attributes:
        code: its HTTP status.
        text: what it said, at most 64 KiB of it: Flink's errors have their cause at the end of a long trace.
    """

    status = 502

    def __init__(self, message: str, code: int, text: str) -> None:
        super().__init__(message)
        self.code = code
        self.text = text


@dataclass(frozen=True)
class Address:
    """Where a service is on its cluster.

    Attributes:
        namespace: its namespace.
        name: its name.
        port: number of the port, or its name.
        pod: it is a pod, not a service.
        tls: it speaks https. The API server does not check its certificate.
    """

    namespace: str
    name: str
    port: int | str
    pod: bool = False
    tls: bool = False

    def __post_init__(self) -> None:
        for part in (self.namespace, self.name, str(self.port)):
            if not _LABEL.fullmatch(part):
                raise ValueError(f"{part!r} is no name of Kubernetes")

    @property
    def path(self) -> str:
        """Path of its proxy on the API server, without the slash after it."""
        kind, scheme = "pods" if self.pod else "services", "https" if self.tls else "http"
        name = quote(f"{scheme}:{self.name}:{self.port}", safe=":")
        return f"/api/v1/namespaces/{quote(self.namespace, safe='')}/{kind}/{name}/proxy"

    def __str__(self) -> str:
        return f"{'pod' if self.pod else 'service'} '{self.name}' port {self.port} in namespace '{self.namespace}'"


@dataclass(frozen=True)
class Streamed:
    """An answer of a service as it comes.

    Attributes:
        status: HTTP status.
        headers: headers of the service, after those of the API server that have the same name.
        chunks: the body's bytes, once.
        proxy: path that the API server has put before that of the service, in `Location` too.
    """

    status: int
    headers: CIMultiDictProxy[str]
    chunks: AsyncIterator[bytes]
    proxy: str


class Service:
    """Calls to one service of a cluster.

    Every method raises `ClusterUnavailable` if the API server did not answer, `KubernetesRefusal` if it does not let
    the hub through, and `ServiceUnreachable` if it could not reach the service.
    """

    def __init__(self, connection: Connection, address: Address) -> None:
        self.address = address
        self._connection = connection

    @property
    def cluster(self) -> str:
        """Name of the cluster."""
        return self._connection.cluster

    async def json(self, method: str, path: str, body: Any = None, *, seconds: float | None = None) -> Any:
        """Return the decoded answer to a call; None if it is empty.

        Args:
            method: HTTP method.
            path: path and query below the service's root, with a slash first and everything escaped that has to be.
            body: what to send as JSON; None for nothing.
            seconds: time that the call may take, if not as long as other calls to clusters.

        Raises:
            ServiceRefusal: the service answered with an error, with something else than JSON, or with too much.
        """
        headers = {"Accept": "application/json"} | ({} if body is None else {"Content-Type": "application/json"})
        data = None if body is None else json.dumps(body).encode()
        limit = seconds or self._connection.request_timeout
        async with self._exchange(method, path, headers, data, limit, None) as response:
            text = await self._whole(response)
            if not 200 <= response.status < 300:
                self._raise_if_not_passed_on(response, text)
                said = _message(text)
                what = f"{self._what(method, path)}: HTTP {response.status} {said[:_LONGEST_TEXT]}"
                raise ServiceRefusal(what, response.status, said)
            try:
                return json.loads(text) if text else None
            except ValueError as error:
                what = f"{self._what(method, path)}: the answer is not JSON"
                raise ServiceRefusal(what, response.status, "") from error

    @asynccontextmanager
    async def stream(
        self, method: str, path: str, headers: Mapping[str, str], body: AsyncIterable[bytes] | None, *, silence: float
    ) -> AsyncIterator[Streamed]:
        """Send a request, and yield the answer with its body as it comes, whatever its status.

        Leaving the context ends the exchange, complete or not.

        Args:
            method: HTTP method.
            path: as in `json`.
            headers: what to send. The caller has chosen each of them: the API server acts on some
                (`Impersonate-User`) with the hub's rights.
            body: what to send, if anything.
            silence: seconds without a byte after which the answer counts as broken off; there is no other limit.
        """
        async with self._exchange(method, path, headers, body, None, silence) as response:
            first = b""
            if response.status in _PROXY_ERRORS:
                first = await _beginning(response)
                self._raise_if_not_passed_on(response, first)
            yield Streamed(response.status, response.headers, _chunks(first, response), self.address.path)

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: AsyncIterable[bytes] | bytes | None,
        seconds: float | None,
        silence: float | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        assert path.startswith("/"), "a path begins with a slash"
        whole, what = f"{self.address.path}{path}", f"reach {self.address}"
        async with self._connection.exchange(
            method, whole, what, headers=headers, body=body, seconds=seconds, silence=silence
        ) as response:
            yield response

    def _raise_if_not_passed_on(self, response: aiohttp.ClientResponse, body: bytes) -> None:
        """Raise if it is the API server that answers, and not the service behind it."""
        try:
            status = json.loads(body)
        except ValueError:
            return
        if not isinstance(status, dict) or (status.get("kind"), status.get("apiVersion")) != ("Status", "v1"):
            return
        cluster, code = self.cluster, response.status
        if code in (401, 403, 429):
            raise answer_error(cluster, f"reach {self.address}", code, response.headers, body)
        text = str(status.get("message") or "no message")[:_LONGEST_TEXT]
        raise ServiceUnreachable(f"{self.address} of Kubernetes cluster '{cluster}' cannot be reached: {text}")

    async def _whole(self, response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > LARGEST_JSON:
                what = f"{self.address}: the answer is larger than {LARGEST_JSON} bytes"
                raise ServiceRefusal(what, response.status, "")
        return bytes(data)

    def _what(self, method: str, path: str) -> str:
        return f"{self.address} of Kubernetes cluster '{self.cluster}' failed at {method} {path}"


async def _beginning(response: aiohttp.ClientResponse) -> bytes:
    """Return the whole body if it is small enough to be an API server's `Status`, else at least as much of it."""
    data = bytearray()
    while len(data) < _LARGEST_STATUS and (chunk := await response.content.read(_LARGEST_STATUS)):
        data += chunk
    return bytes(data)


async def _chunks(first: bytes, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for chunk in response.content.iter_any():
        yield chunk


def _message(body: bytes) -> str:
    """Return what a service says in an error: Flink's has a list of texts, each with a stack trace perhaps."""
    try:
        errors = json.loads(body)["errors"]
        text = "; ".join(str(error) for error in errors)
    except (ValueError, KeyError, TypeError):
        text = body.decode(errors="replace")
    return text.strip()[:_LARGEST_STATUS]
