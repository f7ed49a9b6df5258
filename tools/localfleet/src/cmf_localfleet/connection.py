"""The official Kubernetes client for one kubeconfig file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubernetes.client import ApiClient, Configuration
from kubernetes.config import new_client_from_config
from urllib3 import Retry

from cmf_localfleet.proxies import no_proxy


@contextmanager
def connect(kubeconfig: Path) -> Iterator[ApiClient]:
    """Give a client for the block and close it afterwards. Each request needs its own timeout."""
    # Callers wait and ask again by themselves; three silent repeats would make a timeout of four. Only a server that
    # says to come back in a second (429), as one does whose storage has just started, is asked again.
    later = Retry(total=None, connect=False, read=False, other=False, redirect=False, status=10,
                  status_forcelist=[429], allowed_methods=None)  # fmt: skip
    configuration = Configuration(no_proxy=no_proxy(), retries=later)
    client: ApiClient = new_client_from_config(  # type: ignore[no-untyped-call]
        str(kubeconfig), client_configuration=configuration
    )
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]
