"""One connection to one Kubernetes API server, made of dicts and time limits.

TLS and sessions are those of `kubernetes.aio`. Calls go straight to the session: its `ApiClient` would take as long
over each as everything else does. What the package leaves to chance is set on purpose: every call has a time limit;
nothing is retried (the reconciler and the heartbeat repeat, they know what is safe); answers have a largest size;
proxies, cookies and netrc files of the hub's own environment play no part; redirects are refused, as the address is
the kubeconfig's to choose; and the client key is in a file for as long as OpenSSL needs to read it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
import yarl
from cmf_core.errors import ClusterUnavailable
from kubernetes.aio.client import ApiClient, Configuration

from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.refusals import KubernetesRefusal, WatchEnded, answer_error, transport_error
from cmf_hub.clusters.resources import VERSION, FlinkResource

FIELD_MANAGER = "cmf-hub"
"""Owner of the fields that the hub applies."""

_LARGEST_ANSWER = 64 * 2**20
_OF_NO_OBJECT = "1"
"""A resource version that no object can have: the database starts with it. An apply at it only ever creates."""
_PAGE = 500
_WATCH_SECONDS = 290


class Listing(NamedTuple):
    """Objects as of one moment, and that moment to watch from."""

    items: list[dict[str, Any]]
    resource_version: str


class Connection:
    """Calls to the API server of one cluster.

    Every method raises `ClusterUnavailable` if the server could not be reached, did not answer in time, rejected
    the credentials or failed (the outcome is unknown), and `KubernetesRefusal` if it said no.

    Args:
        cluster: name of the cluster, for messages.
        credentials: where and how to connect.
        request_timeout: seconds that one call may take.
        flink_api_group: API group of the operator's CRDs.
        watch_silence: seconds without a byte after which a watch counts as dead. A server sends a bookmark
            about every 60 s, so 75 leaves room; less would break idle watches, and none would let a half-open
            connection hang for ever.
    """

    def __init__(
        self,
        cluster: str,
        credentials: ClusterCredentials,
        *,
        request_timeout: float = 10,
        flink_api_group: str = "flink.apache.org",
        watch_silence: float = 75,
    ) -> None:
        self.cluster = cluster
        self.credentials = credentials
        self.api_version = f"{flink_api_group}/{VERSION}"
        self._group = flink_api_group
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

    async def version(self, request_timeout: float | None = None) -> str:
        """Return the server's version, as in `v1.34.1` (C55)."""
        answer = await self._call("GET", "/version", "read its version", request_timeout=request_timeout)
        return str(answer.get("gitVersion", ""))[:100]

    async def crds(self) -> set[str]:
        """Return which of the operator's CRDs are installed, as in `flinkdeployments.flink.apache.org` (C20)."""
        answer = await self._call("GET", f"/apis/{self.api_version}", "list its Flink CRDs", absent_is={})
        present = {entry.get("name") for entry in answer.get("resources", [])}
        return {self.crd(resource) for resource in FlinkResource if resource.plural in present}

    async def served_versions(self) -> list[str]:
        """Return the versions of the operator's API group that are served, whichever this hub speaks."""
        answer = await self._call("GET", f"/apis/{self._group}", "list versions of its Flink CRDs", absent_is={})
        return [str(entry.get("version")) for entry in answer.get("versions", [])]

    def crd(self, resource: FlinkResource) -> str:
        """Return the name of a resource's CRD."""
        return f"{resource.plural}.{self._group}"

    async def identity(self) -> str | None:
        """Return the uid of namespace `kube-system`, the same under every name and address of a cluster."""
        path = "/api/v1/namespaces/kube-system"
        answer = await self._call("GET", path, "get namespace 'kube-system'", absent_is={})
        uid = answer.get("metadata", {}).get("uid")
        return str(uid) if uid else None

    async def namespace_exists(self, namespace: str) -> bool:
        """Return whether a namespace exists."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        return bool(await self._call("GET", path, f"get namespace '{namespace}'", absent_is={}))

    async def service_account_exists(self, namespace: str, name: str) -> bool:
        """Return whether a service account exists."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}"
        what = f"get service account '{name}' in namespace '{namespace}'"
        return bool(await self._call("GET", path, what, absent_is={}))

    async def pods(self, namespace: str, label_selector: str) -> list[dict[str, Any]]:
        """Return the pods of a namespace with these labels, at most 500."""
        query = urlencode({"labelSelector": label_selector, "limit": str(_PAGE)})
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods?{query}"
        answer = await self._call("GET", path, f"list pods in namespace '{namespace}'")
        return list(answer.get("items") or [])

    async def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return the data of a Kubernetes Secret, each value in base64; None if there is none."""
        what = f"get Secret '{name}' in namespace '{namespace}'"
        answer = await self._call("GET", _secret_path(namespace, name), what, absent_is={})
        return dict(answer.get("data") or {}) if answer else None

    async def create_secret(
        self, namespace: str, name: str, data: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        """Create a Kubernetes Secret; raises `KubernetesRefusal` (409) if it exists."""
        metadata = {"name": name, "labels": dict(labels)}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict(data)}
        what = f"create Secret '{name}' in namespace '{namespace}'"
        await self._call("POST", _secret_path(namespace), what, body=body)

    async def delete_secret(self, namespace: str, name: str) -> None:
        """Delete a Kubernetes Secret if it is there."""
        what = f"delete Secret '{name}' in namespace '{namespace}'"
        await self._call("DELETE", _secret_path(namespace, name), what, absent_is={})

    async def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """Return the warnings that a cluster has about objects of a name in a namespace, at most a page of them."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
        selector = f"involvedObject.name={name},type=Warning"
        asked = urlencode({"fieldSelector": selector, "limit": str(_PAGE)})
        answer = await self._call("GET", f"{path}?{asked}", f"list events in namespace '{namespace}'")
        return list(answer.get("items", []))

    async def get(self, resource: FlinkResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object, or None if there is none."""
        what = f"get {resource} '{name}' in namespace '{namespace}'"
        return await self._call("GET", self._path(resource, namespace, name), what, absent_is={}) or None

    async def apply(self, manifest: Mapping[str, Any], *, force: bool = True) -> dict[str, Any]:
        """Create an object or change the fields that the manifest names (server-side apply); return the result.

        The manifest needs `kind`, `metadata.namespace` and `metadata.name`; apiVersion is set here. With a
        `metadata.uid`, an object that is gone or was replaced is refused (409). Without `force`, so is one
        with fields that others own and that would change.
        """
        resource = FlinkResource(manifest["kind"])
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        path = self._path(resource, namespace, name, fieldManager=FIELD_MANAGER, force=str(force).lower())
        what = f"apply {resource} '{name}' in namespace '{namespace}'"
        return await self._call("PATCH", path, what, body={**manifest, "apiVersion": self.api_version})

    async def create(self, manifest: Mapping[str, Any]) -> dict[str, Any] | None:
        """Create an object as `apply` does, in one call; return None if there is one of this name, whosever it is."""
        metadata = {**manifest["metadata"], "resourceVersion": _OF_NO_OBJECT}
        try:
            return await self.apply({**manifest, "metadata": metadata}, force=False)
        except KubernetesRefusal as refusal:
            if refusal.code == 409:
                return None
            raise

    async def delete(self, resource: FlinkResource, namespace: str, name: str, uid: str | None = None) -> bool:
        """Ask for the deletion of an object; its finalizers may keep it for a while.

        Args:
            resource: kind of the object.
            namespace: its namespace.
            name: its name.
            uid: delete it only if it is this very object.

        Returns:
            False if there is no such object (or none with this uid).
        """
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if uid:
            body["preconditions"] = {"uid": uid}
        what = f"delete {resource} '{name}' in namespace '{namespace}'"
        try:
            answer = await self._call("DELETE", self._path(resource, namespace, name), what, body=body, absent_is={})
        except KubernetesRefusal as refusal:
            if uid and refusal.code == 409:
                return False
            raise
        return bool(answer)

    async def list(self, resource: FlinkResource, label_selector: str) -> Listing:
        """Return all objects of a kind with these labels, over all namespaces."""
        items: list[dict[str, Any]] = []
        more = ""
        while True:
            path = self._path(resource, labelSelector=label_selector, limit=str(_PAGE), **{"continue": more})
            answer = await self._call("GET", path, f"list {resource}s")
            items += answer.get("items", [])
            metadata = answer.get("metadata", {})
            more = metadata.get("continue", "")
            if not more:
                return Listing(items, str(metadata.get("resourceVersion", "")))

    async def watch(
        self, resource: FlinkResource, label_selector: str, resource_version: str
    ) -> AsyncGenerator[tuple[str, dict[str, Any]], None]:
        """Yield `(ADDED | MODIFIED | DELETED, object)` from a listing's moment on, until an error is raised.

        The server ends each stream after some minutes; the next one goes on where it ended. Who stops before
        an error closes the generator (`contextlib.aclosing`), and with it the stream.

        Raises:
            WatchEnded: this moment is too old, or the server closes streams before anything comes: list again.
            ClusterUnavailable: the connection broke, or was silent for `watch_silence` seconds.
            KubernetesRefusal: the server does not allow it.
        """
        what = f"watch {resource}s"
        while True:
            started_from = resource_version
            path = self._path(
                resource, watch="true", allowWatchBookmarks="true", timeoutSeconds=str(_WATCH_SECONDS),
                labelSelector=label_selector, resourceVersion=resource_version,
            )  # fmt: skip
            async with self._stream(path, what) as lines:
                async for line in lines:
                    event, found = self._event(line, what)
                    resource_version = str(found.get("metadata", {}).get("resourceVersion", resource_version))
                    if event != "BOOKMARK":
                        yield event, found
            if resource_version == started_from:
                raise WatchEnded(f"Kubernetes cluster '{self.cluster}' ended the watch of {resource}s")

    def _event(self, line: bytes, what: str) -> tuple[str, dict[str, Any]]:
        try:
            document = json.loads(line)
            event, found = document["type"], document["object"]
        except (ValueError, KeyError, TypeError) as error:
            raise transport_error(self.cluster, what, self.credentials.server, error) from error
        if event == "ERROR":
            code = int(found.get("code", 500))
            if code == 410:
                raise WatchEnded(f"Kubernetes cluster '{self.cluster}' cannot continue the watch: {found['message']}")
            raise answer_error(self.cluster, what, code, {}, json.dumps(found).encode())
        return event, found

    def _path(self, resource: FlinkResource, namespace: str = "", name: str = "", **query: str) -> str:
        inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        tail = f"/{quote(name, safe='')}" if name else ""
        asked = urlencode({key: value for key, value in query.items() if value})
        return f"/apis/{self.api_version}{inside}/{resource.plural}{tail}{'?' + asked if asked else ''}"

    async def _call(
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
    async def _stream(self, path: str, what: str) -> AsyncIterator[aiohttp.StreamReader]:
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


def _secret_path(namespace: str, name: str = "") -> str:
    tail = f"/{quote(name, safe='')}" if name else ""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets{tail}"


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
