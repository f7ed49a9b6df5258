"""Calls to a Kubernetes cluster that pulumi-kubernetes has no resources for, by the administrator's kubeconfig."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pulumi_cmf.lifecycle.kubeconfigs import with_files
from urllib3.exceptions import HTTPError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

REQUEST_SECONDS = 30.0
"""Seconds that a call may take."""


class ClusterError(Exception):
    """A cluster could not be reached or refused; the text says what, why, and what to do."""


class Cluster:
    """Calls to one cluster, in dicts: the client's own models take seconds to load."""

    def __init__(self, client: ApiClient, what: str) -> None:
        self._client = client
        self._what = what

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the answer to a call.

        Raises:
            ClusterError: the cluster refused, or could not be reached.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        request = self._client.param_serialize(
            method, path, header_params=headers, body=body, auth_settings=["BearerToken"]
        )
        response = self._client.call_api(*request, _request_timeout=REQUEST_SECONDS)
        data: bytes = response.read() or b""  # type: ignore[no-untyped-call]
        if not 200 <= response.status < 300:
            raise ClusterError(f"the cluster refuses to {self._what}: HTTP {response.status} {_told(data)}")
        answer: dict[str, Any] = json.loads(data)
        return answer


@contextmanager
def connected(kubeconfig: str, what: str) -> Iterator[Cluster]:
    """Give calls to a cluster, whose keys are in files only meanwhile.

    Args:
        kubeconfig: text of a kubeconfig; it may run commands, as the administrator's own often do.
        what: what is done, for messages, as in `mint a token`.

    Raises:
        ClusterError: the kubeconfig is no use, or a call in the block failed.
    """
    # Imported here: it takes a while, and programs only describe what the plugin's process then does.
    from kubernetes.client import Configuration
    from kubernetes.config import ConfigException, new_client_from_config_dict

    try:
        with tempfile.TemporaryDirectory(prefix="pulumi-cmf-") as folder:
            document = with_files(kubeconfig, Path.cwd(), Path(folder))
            client: ApiClient = new_client_from_config_dict(  # type: ignore[no-untyped-call]
                document, client_configuration=Configuration(retries=False)
            )
            try:
                yield Cluster(client, what)
            finally:
                client.close()  # type: ignore[no-untyped-call]
    except (HTTPError, OSError) as error:
        raise ClusterError(f"the cluster cannot be reached to {what}: {error}") from error
    except (ConfigException, ValueError, yaml.YAMLError) as error:
        # What a parser says quotes the text, which is a credential.
        raise ClusterError(f"cannot {what}: the kubeconfig is no use ({type(error).__name__})") from None


def _told(data: bytes) -> str:
    try:
        said = json.loads(data)
    except ValueError:
        said = None
    return str(said.get("message")) if isinstance(said, dict) else data[:200].decode(errors="replace")
