"""HTTP to one Kubernetes API server, with its credentials and time limits.

TLS and sessions are those of `kubernetes.aio`. Calls go straight to the session: its `ApiClient` would take as long
over each as everything else does. What the package leaves to chance is set on purpose: every call has a time limit;
nothing is retried (the reconciler and the heartbeat repeat, they know what is safe); answers have a largest size;
proxies, cookies and netrc files of the hub's own environment play no part; redirects are refused, as the address is
the kubeconfig's to choose; and the client key is in a file for as long as OpenSSL needs to read it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import yarl
from cmf_core.errors import ClusterUnavailable
from kubernetes.aio.client import ApiClient, Configuration

from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.refusals import WatchEnded, answer_error, transport_error

FIELD_MANAGER = "cmf-hub"
"""Owner of the fields that the hub applies."""

_LARGEST_ANSWER = 64 * 2**20


class Transport:
    """Requests to the API server of one cluster.

    Every method raises `ClusterUnavailable` if the server could not be reached, did not answer in time, rejected
    the credentials or failed (the outcome is unknown), and `KubernetesRefusal` if it said no.

    Args:
        cluster: name of the cluster, for messages.
        credentials: where and how to connect.
        request_timeout: seconds that one call may take.
        watch_silence: seconds without a byte after which a watch counts as dead. A server sends a bookmark
            about every 60 s, so 75 leaves room; less would break idle watches, and none would let a half-open
            connection hang for ever.
    """

    def __init__(
        self, cluster: str, credentials: ClusterCredentials, *, request_timeout: float, watch_silence: float
    ) -> None:
        self.cluster = cluster
        self.credentials = credentials
        self.request_timeout = request_timeout
        self._watch_silence = watch_silence
        self._closed = False
        self._under_way: set[aiohttp.ClientResponse] = set()
        self._client = _client(credentials)
        self._headers = {"User-Agent": FIELD_MANAGER}
        if credentials.token:
            self._headers["Authorization"] = f"Bearer {credentials.token}"
        self._exchanges: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close all sockets; calls that are under way, and later ones, raise `ClusterUnavailable`."""
        self._closed = True
        for response in self._under_way:
            # Closing the session closes the sockets, and leaves those who read from them waiting for ever.
            response.content.set_exception(aiohttp.ClientConnectionError("closed"))
        for session in (self._client.rest_client.pool_manager, self._exchanges):
            if session is not None and session.connector is not None:
                # Without a goodbye by TLS: a silent server would keep the sockets open for half a minute.
                await session.connector.close(abort_ssl=True)
        await self._client.close()  # type: ignore[no-untyped-call]
        if self._exchanges is not None:
            await self._exchanges.close()

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        path: str,
        what: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: AsyncIterable[bytes] | bytes | None = None,
        seconds: float | None,
        silence: float | None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request as it is, and yield the answer as it comes, whatever its status: for `services`.

        Nothing is normalised, decompressed, redirected or kept in memory. These requests have sockets of their
        own, so that however many there are, heartbeats and watches go on.

        Args:
            method: HTTP method.
            path: path and query from the root, with everything escaped that has to be.
            what: what the hub wants, for messages.
            headers: headers besides the hub's own credentials.
            body: what to send.
            seconds: time for all of it; None for no limit but `silence`.
            silence: seconds without a byte, once the request is sent, after which there is no answer.

        Raises:
            ClusterUnavailable: no (whole) answer came from the API server, also while the caller reads it.
        """
        limit = aiohttp.ClientTimeout(total=seconds, sock_connect=self.request_timeout, sock_read=silence)

        def send() -> Awaitable[aiohttp.ClientResponse]:
            return self._exchange_session().request(
                method, self._url(path), headers={**(headers or {}), **self._headers}, data=body, timeout=limit,
                allow_redirects=False, proxy=self.credentials.proxy_url, skip_auto_headers=("Accept-Encoding",),
                server_hostname=self.credentials.tls_server_name,
            )  # fmt: skip

        async with self._answered(what, send) as response:
            yield response

    def _session(self) -> aiohttp.ClientSession:
        rest = self._client.rest_client
        if rest.pool_manager is None:
            rest.pool_manager = rest._create_pool_manager()  # noqa: SLF001 - its subclasses may override it
        session: aiohttp.ClientSession = rest.pool_manager
        return session

    def _url(self, path: str) -> yarl.URL:
        return yarl.URL(self.credentials.server + path, encoded=True)

    def _exchange_session(self) -> aiohttp.ClientSession:
        if self._exchanges is None:
            connector = aiohttp.TCPConnector(ssl=self._client.rest_client.ssl_context, limit=0)
            self._exchanges = aiohttp.ClientSession(
                connector=connector, trust_env=False, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        return self._exchanges

    async def call(
        self,
        method: str,
        path: str,
        what: str,
        *,
        body: dict[str, Any] | None = None,
        absent_is: dict[str, Any] | None = None,
        request_timeout: float | None = None,
    ) -> dict[str, Any]:
        """Return the decoded answer; `absent_is`, if given, is returned for 404."""
        limit = aiohttp.ClientTimeout(total=request_timeout or self.request_timeout)
        async with self._request(method, path, what, limit, body) as response:
            data = await self._read(response)
            if response.status == 404 and absent_is is not None:
                return absent_is
            if not 200 <= response.status < 300:
                raise answer_error(self.cluster, what, response.status, response.headers, data)
            answer = json.loads(data)
            if not isinstance(answer, dict):
                raise ValueError("the answer is not a JSON object")
            return answer

    @asynccontextmanager
    async def stream(self, path: str, what: str) -> AsyncIterator[aiohttp.StreamReader]:
        """Send a GET and yield the body of its answer as it comes, for watches; raises `WatchEnded` for 410."""
        limit = aiohttp.ClientTimeout(total=None, sock_connect=self.request_timeout, sock_read=self._watch_silence)
        async with self._request("GET", path, what, limit) as response:
            if response.status != 200:
                data = await self._read(response)
                if response.status == 410:
                    raise WatchEnded(f"Kubernetes cluster '{self.cluster}' cannot continue the watch")
                raise answer_error(self.cluster, what, response.status, response.headers, data)
            yield response.content

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, what: str, limit: aiohttp.ClientTimeout, body: dict[str, Any] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {**self._headers, "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/apply-patch+yaml" if method == "PATCH" else "application/json"

        async def send() -> aiohttp.ClientResponse:
            response = await self._session().request(
                method, self._url(path), headers=headers, data=data, timeout=limit, allow_redirects=False,
                proxy=self.credentials.proxy_url, server_hostname=self.credentials.tls_server_name,
            )  # fmt: skip
            if 300 <= response.status < 400:  # which server to talk to is the kubeconfig's to say
                response.close()
                raise aiohttp.ClientError(f"it redirects with HTTP {response.status}")
            return response

        async with self._answered(what, send) as response:
            yield response

    @asynccontextmanager
    async def _answered(
        self, what: str, send: Callable[[], Awaitable[aiohttp.ClientResponse]]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send a request; every way to get no whole answer, also while the caller reads it, is one error."""
        if self._closed:
            raise self._gone(what)
        try:
            async with await send() as response:
                self._under_way.add(response)
                try:
                    yield response
                except BaseException:
                    # Without this, TLS says goodbye, and keeps the socket until a silent server answers.
                    if response.connection is not None and response.connection.transport is not None:
                        response.connection.transport.abort()
                    raise
                finally:
                    self._under_way.discard(response)
        except (aiohttp.ClientError, OSError, ValueError, RuntimeError) as error:
            # ValueError: not JSON, or over a size limit. RuntimeError: the session was closed meanwhile.
            if self._closed:
                raise self._gone(what) from error
            raise transport_error(self.cluster, what, self.credentials.server, error) from error

    def _gone(self, what: str) -> ClusterUnavailable:
        return ClusterUnavailable(
            f"The connection to Kubernetes cluster '{self.cluster}' was closed while trying to {what}: "
            "its kubeconfig was replaced or removed, try again"
        )

    @staticmethod
    async def _read(response: aiohttp.ClientResponse) -> bytes:
        data = bytearray()
        async for chunk in response.content.iter_any():
            data += chunk
            if len(data) > _LARGEST_ANSWER:
                raise ValueError(f"the answer is larger than {_LARGEST_ANSWER} bytes")
        return bytes(data)


def _client(credentials: ClusterCredentials) -> ApiClient:
    """Return a client of one cluster; its TLS context is made here, from files that are gone afterwards."""
    with credentials.certificate_file() as certificate:
        configuration = Configuration(
            host=credentials.server,
            ca_cert_data=credentials.ca,
            cert_file=certificate,
            verify_ssl=credentials.verify,
            tls_server_name=credentials.tls_server_name,
            proxy=credentials.proxy_url,
        )
        # Python 3.13 turns on checks that authorities of older Kubernetes distributions do not pass.
        configuration.disable_strict_ssl_verification = True
        configuration.retries = None
        configuration.client_session_kwargs = {
            "trust_env": False,
            "cookie_jar": aiohttp.DummyCookieJar(),
        }
        return ApiClient(configuration)
