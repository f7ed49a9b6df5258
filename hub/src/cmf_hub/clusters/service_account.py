"""Credentials of the pod that the hub runs in, for `default-k8s-cluster` (C02, C03)."""

from __future__ import annotations

import os
from pathlib import Path

from cmf_hub.clusters.credentials import ClusterCredentials
from cmf_hub.clusters.kubeconfig import KubeconfigRefused

FOLDER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where Kubernetes mounts a pod's service account; it renews the token there."""


def in_cluster() -> ClusterCredentials:
    """Return the present credentials of the pod's service account.

    Raises:
        KubeconfigRefused: this is no pod, or it has no service account.
    """
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT")
    if not host or not port:
        raise KubeconfigRefused(
            "the hub runs in no pod, so it has no cluster of its own: to connect one, set "
            "CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG to a kubeconfig file"
        )
    try:
        ca, token = (FOLDER / "ca.crt").read_text(encoding="ascii"), (FOLDER / "token").read_text(encoding="ascii")
    except (OSError, ValueError) as error:
        raise KubeconfigRefused(
            f"the pod's service account cannot be read from {FOLDER} ({error}): let Kubernetes mount it, with "
            "automountServiceAccountToken"
        ) from error
    address = f"[{host}]" if ":" in host else host
    credentials = ClusterCredentials(f"https://{address}:{port}", ca=ca, token=token.strip())
    try:
        credentials.check()
    except ValueError as error:
        raise KubeconfigRefused(f"the pod's service account in {FOLDER} cannot be used: {error}") from error
    return credentials
