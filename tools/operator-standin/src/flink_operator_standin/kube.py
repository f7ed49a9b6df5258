"""Calls to one API server, each with a timeout. Objects are plain dicts."""

import hashlib
import json
import tempfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import ClientError
from kubernetes.aio import client, config
from kubernetes.aio.client.exceptions import ApiException

from flink_operator_standin.effects import Emit, Json, Kind
from flink_operator_standin.machine import PLURALS

VERSION = "v1beta1"
REQUEST_TIMEOUT = 15.0
"""Seconds for a whole request but a watch. (The client also declares a pair of timeouts; aiohttp refuses it.)"""
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
        self._objects = client.CustomObjectsApi(api)
        self._core = client.CoreV1Api(api)

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
        if namespace is None:
            answer: Any = await self._objects.list_cluster_custom_object(
                self.group, VERSION, PLURALS[kind], _request_timeout=REQUEST_TIMEOUT
            )
        else:
            answer = await self._objects.list_namespaced_custom_object(
                self.group, VERSION, namespace, PLURALS[kind], _request_timeout=REQUEST_TIMEOUT
            )
        return answer["items"], answer["metadata"]["resourceVersion"]

    async def watch(self, kind: Kind, namespace: str | None, resource_version: str) -> AsyncIterator[tuple[str, Json]]:
        """Changes since `resource_version` as (ADDED | MODIFIED | DELETED | BOOKMARK, object), until the server ends.

        Raises:
            ApiException: 410 if the resource version is too old: list again.
        """
        arguments: dict[str, Any] = {
            "watch": True,
            "resource_version": resource_version,
            "allow_watch_bookmarks": True,
            "timeout_seconds": WATCH_SECONDS,
            "_request_timeout": WATCH_TIMEOUT,
        }
        if namespace is None:
            response: Any = await self._objects.list_cluster_custom_object_without_preload_content(
                self.group, VERSION, PLURALS[kind], **arguments
            )
        else:
            response = await self._objects.list_namespaced_custom_object_without_preload_content(
                self.group, VERSION, namespace, PLURALS[kind], **arguments
            )
        try:
            if response.status != 200:
                raise ApiException(status=response.status, reason=response.reason)
            async for line in response.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    raise ApiException(status=event["object"].get("code"), reason=event["object"].get("message"))
                yield event["type"], event["object"]
        finally:
            response.close()

    async def get(self, resource: Json) -> Json:
        """The object as it is now."""
        answer: Any = await self._objects.get_namespaced_custom_object(
            *self._path(resource), _request_timeout=REQUEST_TIMEOUT
        )
        return dict(answer)

    async def replace(self, resource: Json) -> Json:
        """Replace the object, but for its status; 409 if it is not at the given resource version any more."""
        answer: Any = await self._objects.replace_namespaced_custom_object(
            *self._path(resource), body=resource, _request_timeout=REQUEST_TIMEOUT
        )
        return dict(answer)

    async def replace_status(self, resource: Json, status: Json) -> Json:
        """Replace the object's status, whatever else was changed on it in the meantime."""
        while True:
            try:
                answer: Any = await self._objects.replace_namespaced_custom_object_status(
                    *self._path(resource), body={**resource, "status": status}, _request_timeout=REQUEST_TIMEOUT
                )
            except ApiException as error:
                if error.status != 409:
                    raise
                now = await self.get(resource)
                if now["metadata"]["uid"] != resource["metadata"]["uid"]:
                    raise
                resource = now
            else:
                return dict(answer)

    async def record(self, resource: Json, event: Emit) -> None:
        """Record a Kubernetes event about the object; the same event again counts up."""
        metadata = resource["metadata"]
        namespace, now = metadata["namespace"], datetime.now(UTC)
        identity = "|".join((metadata["uid"], event.type, event.reason, event.component, event.message))
        name = f"{metadata['name']}.{hashlib.sha256(identity.encode()).hexdigest()[:16]}"
        body = client.CoreV1Event(
            metadata=client.V1ObjectMeta(name=name, namespace=namespace),
            involved_object=client.V1ObjectReference(
                api_version=resource["apiVersion"],
                kind=resource["kind"],
                namespace=namespace,
                name=metadata["name"],
                uid=metadata["uid"],
            ),
            type=event.type,
            reason=event.reason,
            message=event.message[:1024],
            source=client.V1EventSource(component=event.component),
            first_timestamp=now,
            last_timestamp=now,
            count=1,
        )
        try:
            await self._core.create_namespaced_event(namespace, body, _request_timeout=REQUEST_TIMEOUT)
        except ApiException as error:
            if error.status != 409:
                raise
            known = await self._core.read_namespaced_event(name, namespace, _request_timeout=REQUEST_TIMEOUT)
            body.first_timestamp, body.count = known.first_timestamp, (known.count or 1) + 1
            body.metadata.resource_version = known.metadata.resource_version
            await self._core.replace_namespaced_event(name, namespace, body, _request_timeout=REQUEST_TIMEOUT)

    def _path(self, resource: Json) -> tuple[str, str, str, str, str]:
        metadata = resource["metadata"]
        kind: Kind = resource["kind"]
        return self.group, VERSION, metadata["namespace"], PLURALS[kind], metadata["name"]
