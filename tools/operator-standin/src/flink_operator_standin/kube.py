"""Calls to one API server, each with a timeout. Objects are plain dicts.

Of the Kubernetes client only the connection is used (TLS, credentials, errors): importing its typed API for events
alone costs 115 MB and seconds.
"""

import hashlib
import json
import tempfile
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError, ClientPayloadError
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from flink_operator_standin.effects import Emit, Json, Kind
from flink_operator_standin.machine import PLURALS

VERSION = "v1beta1"
_MANAGER = {"fieldManager": "flink-operator-standin"}
_LONGEST_MESSAGE = 1024
"""Characters that the API server takes for an event's message."""
REQUEST_TIMEOUT = 15.0
"""Seconds for a whole request but a watch. (The client also declares pairs of timeouts; its transport refuses them.)"""
WATCH_SECONDS = 55
"""The server ends a watch after this long."""
WATCH_TIMEOUT = 70.0
"""Seconds for a whole watch: one that the server has not ended by then hangs on a dead connection."""

UNREACHABLE = (ClientError, TimeoutError, OSError)
"""What is raised when the API server does not answer."""


class KubeconfigError(Exception):
    """The kubeconfig cannot be used."""


class Cluster:
    """One API server, reached with the credentials of a kubeconfig. Use it as an async context manager."""

    def __init__(self, api: client.ApiClient, group: str) -> None:
        self.group = group
        self._api = api

    @classmethod
    async def connect(cls, kubeconfig: Path, group: str) -> Self:
        """Read the kubeconfig; no request is made yet.

        Raises:
            KubeconfigError: the file is missing or is not a usable kubeconfig.
        """
        configuration = client.Configuration()
        # The loader writes inline keys to files and keeps them until the process ends; these go at once.
        with tempfile.TemporaryDirectory(prefix="standin-") as folder:
            try:
                await config.load_kube_config(  # type: ignore[no-untyped-call]
                    str(kubeconfig), client_configuration=configuration, temp_file_path=folder
                )
                return cls(client.ApiClient(configuration), group)
            except (config.ConfigException, OSError, ValueError, TypeError) as error:
                raise KubeconfigError(f"the kubeconfig {kubeconfig} cannot be used: {error}") from error

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._api.close()  # type: ignore[no-untyped-call]

    async def list(self, kind: Kind, namespace: str | None) -> tuple[list[Json], str]:
        """All objects of a kind, in one namespace or all, and the resource version to watch from."""
        answer = await self._request("GET", self._collection(kind, namespace))
        return answer["items"], answer["metadata"]["resourceVersion"]

    async def watch(self, kind: Kind, namespace: str | None, resource_version: str) -> AsyncIterator[tuple[str, Json]]:
        """Changes since `resource_version` as (ADDED | MODIFIED | DELETED | BOOKMARK, object), until the server ends.

        Raises:
            ApiException: 410 if the resource version is too old: list again.
        """
        query = {
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(WATCH_SECONDS),
        }
        answer = await self._send("GET", self._collection(kind, namespace), query, seconds=WATCH_TIMEOUT)
        try:
            if answer.status != 200:
                raise ApiException(status=answer.status, reason=answer.reason)
            async for line in answer.response.content:
                try:
                    event = json.loads(line)
                except ValueError as error:
                    raise ClientPayloadError("the watch was cut off in the middle of an event") from error
                if event["type"] == "ERROR":
                    raise ApiException(status=event["object"].get("code"), reason=event["object"].get("message"))
                yield event["type"], event["object"]
        finally:
            answer.response.close()

    async def replace(self, resource: Json) -> Json:
        """Replace the object, but for its status; 409 if it is not at the given resource version any more."""
        return await self._request("PUT", self._path(resource), _MANAGER, resource)

    async def replace_status(self, resource: Json, status: Json) -> Json:
        """Replace the object's status, whatever else was changed on it in the meantime."""
        while True:
            body = {**resource, "status": status}
            try:
                return await self._request("PUT", f"{self._path(resource)}/status", _MANAGER, body)
            except ApiException as error:
                if error.status != 409:
                    raise
                now = await self._request("GET", self._path(resource))
                if now["metadata"]["uid"] != resource["metadata"]["uid"]:
                    raise
                resource = now

    async def record(self, resource: Json, event: Emit) -> None:
        """Record a Kubernetes event about the object; the same event again counts up."""
        metadata = resource["metadata"]
        namespace, now = metadata["namespace"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        identity = "|".join((metadata["uid"], event.type, event.reason, event.component, event.message))
        name = f"{metadata['name']}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
        path = f"/api/v1/namespaces/{namespace}/events"
        body: Json = {
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": resource["apiVersion"],
                "kind": resource["kind"],
                "namespace": namespace,
                "name": metadata["name"],
                "uid": metadata["uid"],
            },
            "type": event.type,
            "reason": event.reason,
            "message": event.message[:_LONGEST_MESSAGE],
            "source": {"component": event.component},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._request("POST", path, _MANAGER, body)
        except ApiException as error:
            if error.status != 409:
                raise
            known = await self._request("GET", f"{path}/{name}")
            again = {**known, "lastTimestamp": now, "count": known.get("count", 1) + 1}
            await self._request("PUT", f"{path}/{name}", _MANAGER, again)

    def _collection(self, kind: Kind, namespace: str | None) -> str:
        within = f"/namespaces/{namespace}" if namespace else ""
        return f"/apis/{self.group}/{VERSION}{within}/{PLURALS[kind]}"

    def _path(self, resource: Json) -> str:
        metadata = resource["metadata"]
        return f"{self._collection(resource['kind'], metadata['namespace'])}/{metadata['name']}"

    async def _request(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Json | None = None
    ) -> Json:
        answer = await self._send(method, path, query or {}, body)
        text = await answer.read()
        if not 200 <= answer.status <= 299:
            raise ApiException(status=answer.status, reason=_message(text) or answer.reason)
        return dict(json.loads(text))

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json | None = None,
        seconds: float = REQUEST_TIMEOUT,
    ) -> Any:
        request = await self._api.param_serialize(
            method=method,
            resource_path=path,
            query_params=list(query.items()),
            header_params={"Accept": "application/json"},
            body=body,
            auth_settings=["BearerToken"],
        )
        return await self._api.call_api(*request, _request_timeout=seconds)


def _message(answer: bytes) -> str | None:
    """The message of a refusal: of its Status object, or its text."""
    try:
        status = json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace").strip()[:_LONGEST_MESSAGE]
    return status.get("message") if isinstance(status, dict) else None
