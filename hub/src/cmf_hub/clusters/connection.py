"""What the hub asks of one Kubernetes API server, made of dicts."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.refusals import KubernetesRefusal, WatchEnded, answer_error, transport_error
from cmf_hub.clusters.resources import VERSION, FlinkResource
from cmf_hub.clusters.transport import FIELD_MANAGER, Transport

_OF_NO_OBJECT = "1"
"""A resource version that no object can have: the database starts with it. An apply at it only ever creates."""
_PAGE = 500
_WATCH_SECONDS = 290


class Listing(NamedTuple):
    """Objects as of one moment, and that moment to watch from."""

    items: list[dict[str, Any]]
    resource_version: str


class Connection(Transport):
    """Calls to the API server of one cluster. Errors are those of `Transport`.

    Args:
        cluster: name of the cluster, for messages.
        credentials: where and how to connect.
        request_timeout: seconds that one call may take.
        flink_api_group: API group of the operator's CRDs.
        watch_silence: seconds without a byte after which a watch counts as dead.
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
        super().__init__(cluster, credentials, request_timeout=request_timeout, watch_silence=watch_silence)
        self.api_version = f"{flink_api_group}/{VERSION}"
        self._group = flink_api_group

    async def version(self, request_timeout: float | None = None) -> str:
        """Return the server's version, as in `v1.34.1` (C55)."""
        answer = await self.call("GET", "/version", "read its version", request_timeout=request_timeout)
        return str(answer.get("gitVersion", ""))[:100]

    async def crds(self) -> set[str]:
        """Return which of the operator's CRDs are installed, as in `flinkdeployments.flink.apache.org` (C20)."""
        answer = await self.call("GET", f"/apis/{self.api_version}", "list its Flink CRDs", absent_is={})
        present = {entry.get("name") for entry in answer.get("resources", [])}
        return {self.crd(resource) for resource in FlinkResource if resource.plural in present}

    async def served_versions(self) -> list[str]:
        """Return the versions of the operator's API group that are served, whichever this hub speaks."""
        answer = await self.call("GET", f"/apis/{self._group}", "list versions of its Flink CRDs", absent_is={})
        return [str(entry.get("version")) for entry in answer.get("versions", [])]

    def crd(self, resource: FlinkResource) -> str:
        """Return the name of a resource's CRD."""
        return f"{resource.plural}.{self._group}"

    async def identity(self) -> str | None:
        """Return the uid of namespace `kube-system`, the same under every name and address of a cluster."""
        path = "/api/v1/namespaces/kube-system"
        answer = await self.call("GET", path, "get namespace 'kube-system'", absent_is={})
        uid = answer.get("metadata", {}).get("uid")
        return str(uid) if uid else None

    async def namespace_exists(self, namespace: str) -> bool:
        """Return whether a namespace exists."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}"
        return bool(await self.call("GET", path, f"get namespace '{namespace}'", absent_is={}))

    async def service_account_exists(self, namespace: str, name: str) -> bool:
        """Return whether a service account exists."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/serviceaccounts/{quote(name, safe='')}"
        what = f"get service account '{name}' in namespace '{namespace}'"
        return bool(await self.call("GET", path, what, absent_is={}))

    async def pods(self, namespace: str, label_selector: str) -> list[dict[str, Any]]:
        """Return the pods of a namespace with these labels, at most 500."""
        query = urlencode({"labelSelector": label_selector, "limit": str(_PAGE)})
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods?{query}"
        answer = await self.call("GET", path, f"list pods in namespace '{namespace}'")
        return list(answer.get("items") or [])

    async def secret(self, namespace: str, name: str) -> dict[str, str] | None:
        """Return the data of a Kubernetes Secret, each value in base64; None if there is none."""
        what = f"get Secret '{name}' in namespace '{namespace}'"
        answer = await self.call("GET", _secret_path(namespace, name), what, absent_is={})
        return dict(answer.get("data") or {}) if answer else None

    async def create_secret(
        self, namespace: str, name: str, data: Mapping[str, str], labels: Mapping[str, str]
    ) -> None:
        """Create a Kubernetes Secret; raises `KubernetesRefusal` (409) if it exists."""
        metadata = {"name": name, "labels": dict(labels)}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": dict(data)}
        what = f"create Secret '{name}' in namespace '{namespace}'"
        await self.call("POST", _secret_path(namespace), what, body=body)

    async def delete_secret(self, namespace: str, name: str) -> None:
        """Delete a Kubernetes Secret if it is there."""
        what = f"delete Secret '{name}' in namespace '{namespace}'"
        await self.call("DELETE", _secret_path(namespace, name), what, absent_is={})

    async def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """Return the warnings that a cluster has about objects of a name in a namespace, at most a page of them."""
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/events"
        selector = f"involvedObject.name={name},type=Warning"
        asked = urlencode({"fieldSelector": selector, "limit": str(_PAGE)})
        answer = await self.call("GET", f"{path}?{asked}", f"list events in namespace '{namespace}'")
        return list(answer.get("items", []))

    async def get(self, resource: FlinkResource, namespace: str, name: str) -> dict[str, Any] | None:
        """Return an object, or None if there is none."""
        what = f"get {resource} '{name}' in namespace '{namespace}'"
        return await self.call("GET", self._path(resource, namespace, name), what, absent_is={}) or None

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
        return await self.call("PATCH", path, what, body={**manifest, "apiVersion": self.api_version})

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
            answer = await self.call("DELETE", self._path(resource, namespace, name), what, body=body, absent_is={})
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
            answer = await self.call("GET", path, f"list {resource}s")
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
            async with self.stream(path, what) as lines:
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


def _secret_path(namespace: str, name: str = "") -> str:
    tail = f"/{quote(name, safe='')}" if name else ""
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/secrets{tail}"
