"""Where kubeconfigs are put for CMF to find: its directory, or the Kubernetes Secret mounted there (C10, C17, C18).

The name of a file, or of a Secret's key, is the name of the cluster (C11). A kubeconfig is a credential:
nothing here shows its text.
"""

from __future__ import annotations

import asyncio
import base64
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml
from cmf_core.rules import Refusal, Verdict, enforce
from cmf_core.rules.names import cluster_name

from pulumi_cmf.lifecycle.operations import Refused
from pulumi_cmf.lifecycle.settings import Settings

_LARGEST = 10 * 1024 * 1024
_ATTEMPTS = 5
_REQUEST_SECONDS = 15.0
_CONFLICT, _NOT_FOUND = 409, 404
_DEFAULT = "~/.kube/config"
_FILES = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


class Kubeconfigs(Protocol):
    """Kubeconfigs by the names of their clusters."""

    @property
    def place(self) -> str:
        """Where they are, for messages."""

    async def get(self, name: str) -> str | None:
        """Return the kubeconfig of a cluster, or None."""

    async def put(self, name: str, text: str) -> None:
        """Add or replace a kubeconfig at once as a whole."""

    async def remove(self, name: str) -> None:
        """Remove a kubeconfig; one that is not there is no error."""


def kubeconfigs(settings: Settings) -> Kubeconfigs:
    """Return the place that the settings name.

    Raises:
        Refused: they name none.
    """
    if settings.kubeconfig_directory is not None:
        return KubeconfigDirectory(settings.kubeconfig_directory)
    if settings.kubeconfig_secret is not None:
        return KubeconfigSecret(*settings.kubeconfig_secret, kubeconfig=settings.kubeconfig_secret_kubeconfig)
    raise Refused(NO_PLACE)


NO_PLACE = (
    "there is no place for kubeconfigs: set cmf:kubeconfigDirectory (CMF_KUBECONFIG_DIRECTORY) to the directory that "
    "CMF watches, or cmf:kubeconfigSecret (CMF_KUBECONFIG_SECRET) to the Kubernetes Secret that is mounted there"
)


def kubeconfig_text(text: str) -> Verdict:
    """Refuse what cannot be a kubeconfig; CMF alone tells whether it is a usable one."""
    if len(text.encode()) > _LARGEST:
        return Refusal(400, "the kubeconfig is larger than 10 MB", "C16")
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError:
        # What the parser says quotes the text, which is a credential.
        return Refusal(400, "the kubeconfig is not YAML: give the text of the file, not its path", "C10")
    if not isinstance(document, dict) or not document.get("clusters"):
        return Refusal(400, "this is no kubeconfig (no clusters in it): give the text of the file, not its path", "C10")
    return None


def free_name(name: str, place: str, staged: str | None, asked: str) -> Verdict:
    """Refuse a name under which there is another kubeconfig already."""
    if staged is None or staged == asked:
        return None
    text = (
        f"KubernetesCluster '{name}': there is another kubeconfig of this name in {place}: remove it, or choose "
        "another name"
    )
    return Refusal(409, text, "TAKEN")


class KubeconfigDirectory:
    """The directory that CMF watches."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    @property
    def place(self) -> str:
        """Where they are, for messages."""
        return f"directory {self._directory}"

    async def get(self, name: str) -> str | None:
        """Return the kubeconfig of a cluster, or None."""
        return await asyncio.to_thread(self._get, self._path(name))

    async def put(self, name: str, text: str) -> None:
        """Add or replace a kubeconfig: complete, readable by its owner alone, or not at all."""
        await asyncio.to_thread(self._put, self._path(name), text)

    async def remove(self, name: str) -> None:
        """Remove a kubeconfig; one that is not there is no error."""
        await asyncio.to_thread(self._path(name).unlink, missing_ok=True)

    def _path(self, name: str) -> Path:
        enforce(cluster_name(name))
        if not self._directory.is_dir():
            raise Refused(f"{self.place} does not exist: it must be the one that CMF watches (kubeconfigDirectory)")
        return self._directory / name

    @staticmethod
    def _get(path: Path) -> str | None:
        try:
            return path.read_text()
        except FileNotFoundError:
            return None

    def _put(self, path: Path, text: str) -> None:
        # A name with a leading dot is no cluster's, so the unfinished file registers nothing.
        descriptor, unfinished = tempfile.mkstemp(prefix=f".{path.name}.", dir=self._directory)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            Path(unfinished).replace(path)
        except BaseException:
            Path(unfinished).unlink(missing_ok=True)
            raise


class KubeconfigSecret:
    """The Kubernetes Secret that is mounted at the directory which CMF watches; each key is a cluster."""

    def __init__(self, namespace: str, name: str, *, kubeconfig: Path | None) -> None:
        self._namespace = namespace
        self._name = name
        self._kubeconfig = kubeconfig

    @property
    def place(self) -> str:
        """Where they are, for messages."""
        return f"Secret '{self._name}' in namespace '{self._namespace}'"

    async def get(self, name: str) -> str | None:
        """Return the kubeconfig of a cluster, or None."""
        enforce(cluster_name(name))
        async with self._api() as api:
            return (await api.read()).get(name)

    async def put(self, name: str, text: str) -> None:
        """Add or replace a key; other keys may change at the same time."""
        enforce(cluster_name(name))
        async with self._api() as api:
            await api.change(name, text)

    async def remove(self, name: str) -> None:
        """Remove a key; one that is not there is no error."""
        enforce(cluster_name(name))
        async with self._api() as api:
            if name in await api.read():
                await api.change(name, None)

    @asynccontextmanager
    async def _api(self) -> AsyncIterator[_SecretApi]:
        # Imported here: it takes half a second, and only those who use a Secret need it.
        from aiohttp import ClientError
        from kubernetes.aio import client, config

        configuration = client.Configuration()
        try:
            with tempfile.TemporaryDirectory(prefix="pulumi-cmf-") as folder:
                if self._kubeconfig is None and os.environ.get("KUBERNETES_SERVICE_HOST"):
                    config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
                else:
                    path = self._kubeconfig or Path(os.environ.get("KUBECONFIG", _DEFAULT).split(os.pathsep)[0])
                    text = await asyncio.to_thread(path.expanduser().read_text)
                    document = with_files(text, path.expanduser().parent, Path(folder))
                    await config.load_kube_config_from_dict(  # type: ignore[no-untyped-call]
                        document, client_configuration=configuration
                    )
                api_client = client.ApiClient(configuration)
        except (config.ConfigException, OSError, ValueError, yaml.YAMLError) as error:
            why = error if isinstance(error, OSError | config.ConfigException) else "it cannot be read"
            raise Refused(f"{self.place} cannot be reached, its cluster's kubeconfig is no use: {why}") from error
        async with api_client:
            try:
                yield _SecretApi(client.CoreV1Api(api_client), self._namespace, self._name)
            except client.ApiException as error:
                raise Refused(f"{self.place}: {_told(error, self._name)}") from error
            except (ClientError, TimeoutError) as error:
                raise Refused(f"{self.place} cannot be reached: {error or 'no answer in time'}") from error


def with_files(text: str, beside: Path, folder: Path) -> dict[str, Any]:
    """Return a kubeconfig whose certificates and keys are files in `folder`.

    The Kubernetes client would write them to files of its own, and leave these until the process ends.

    Args:
        text: the kubeconfig.
        beside: folder that its relative paths begin at.
        folder: where the files are written.

    Raises:
        ValueError: it is not a kubeconfig.
    """
    document: dict[str, Any] = yaml.safe_load(text)
    if not isinstance(document, dict):
        raise ValueError("not a kubeconfig")
    entries = [entry.get("cluster") or {} for entry in document.get("clusters") or []]
    entries += [entry.get("user") or {} for entry in document.get("users") or []]
    for number, entry in enumerate(entries):
        for field in _FILES:
            if data := entry.pop(f"{field}-data", None):
                file = folder / f"{number}-{field}"
                file.write_bytes(base64.b64decode(data))
                entry[field] = str(file)
            elif entry.get(field):
                entry[field] = str(beside / entry[field])
    return document


class _SecretApi:
    """Reads and changes the keys of one Secret."""

    def __init__(self, core: object, namespace: str, name: str) -> None:
        self._core = core
        self._namespace = namespace
        self._name = name

    async def read(self) -> dict[str, str]:
        """Return the texts of all keys."""
        secret = await self._secret()
        return {key: base64.b64decode(value).decode() for key, value in (secret.data or {}).items()}  # type: ignore[attr-defined]

    async def change(self, key: str, text: str | None) -> None:
        """Set or, by None, remove a key; repeat if somebody else changed the Secret in between."""
        from kubernetes.aio.client import ApiException

        value = None if text is None else base64.b64encode(text.encode()).decode()
        for attempt in range(1, _ATTEMPTS + 1):
            version = (await self._secret()).metadata.resource_version  # type: ignore[attr-defined]
            try:
                await self._core.patch_namespaced_secret(  # type: ignore[attr-defined]
                    self._name,
                    self._namespace,
                    {"metadata": {"resourceVersion": version}, "data": {key: value}},
                    _content_type="application/merge-patch+json",
                    _request_timeout=_REQUEST_SECONDS,
                )
            except ApiException as error:
                if error.status != _CONFLICT or attempt == _ATTEMPTS:
                    raise
            else:
                return

    async def _secret(self) -> object:
        return await self._core.read_namespaced_secret(  # type: ignore[attr-defined]
            self._name, self._namespace, _request_timeout=_REQUEST_SECONDS
        )


def _told(error: object, name: str) -> str:
    status = getattr(error, "status", None)
    if status == _NOT_FOUND:
        return "does not exist: create it, and mount it where CMF watches for kubeconfigs"
    if status == _CONFLICT:
        return f"others kept changing it, {_ATTEMPTS} attempts failed: try again"
    return f"the API server answered {status} {getattr(error, 'reason', '')}: check the rights on Secret '{name}'"
