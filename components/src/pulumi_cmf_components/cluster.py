"""Calls to a Kubernetes cluster that pulumi-kubernetes has no resources for, by the administrator's kubeconfig."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import yaml
from kubernetes.client import ApiClient, Configuration
from kubernetes.client.exceptions import ApiException
from kubernetes.config import ConfigException, new_client_from_config_dict
from pulumi_cmf.lifecycle.kubeconfigs import with_files
from urllib3.exceptions import HTTPError

REQUEST_SECONDS = 30.0
"""Seconds that a call may take."""


class ClusterError(Exception):
    """A cluster could not be reached or refused; the text says what, why, and what to do."""


@contextmanager
def connected(kubeconfig: str, what: str) -> Iterator[ApiClient]:
    """Give a client of a cluster, whose keys are in files only meanwhile.

    Args:
        kubeconfig: text of a kubeconfig; it may run commands, as the administrator's own often do.
        what: what is done, for messages, as in `mint a token`.

    Raises:
        ClusterError: the kubeconfig is no use, or a call in the block failed.
    """
    try:
        with tempfile.TemporaryDirectory(prefix="pulumi-cmf-") as folder:
            document = with_files(kubeconfig, Path.cwd(), Path(folder))
            client: ApiClient = new_client_from_config_dict(  # type: ignore[no-untyped-call]
                document, client_configuration=Configuration(retries=False)
            )
            try:
                yield client
            finally:
                client.close()  # type: ignore[no-untyped-call]
    except ApiException as error:
        raise ClusterError(f"the cluster refuses to {what}: {_told(error)}") from error
    except (HTTPError, OSError) as error:
        raise ClusterError(f"the cluster cannot be reached to {what}: {error}") from error
    except (ConfigException, ValueError, yaml.YAMLError) as error:
        # What a parser says quotes the text, which is a credential.
        raise ClusterError(f"cannot {what}: the kubeconfig is no use ({type(error).__name__})") from error


def _told(error: ApiException) -> str:
    try:
        said = yaml.safe_load(error.body or "")
    except yaml.YAMLError:
        said = None
    message = said.get("message") if isinstance(said, dict) else None
    return f"HTTP {error.status} {message or error.reason}"
