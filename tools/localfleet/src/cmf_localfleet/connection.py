"""The official Kubernetes client for one kubeconfig file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kubernetes.client import ApiClient
from kubernetes.config import new_client_from_config


@contextmanager
def connect(kubeconfig: Path) -> Iterator[ApiClient]:
    """Give a client for the block and close it afterwards. Each request needs its own timeout."""
    client: ApiClient = new_client_from_config(str(kubeconfig))  # type: ignore[no-untyped-call]
    try:
        yield client
    finally:
        client.close()  # type: ignore[no-untyped-call]
