"""From what an API server or the network did wrong to an error that a user of the hub understands.

Two outcomes matter to a caller. `KubernetesRefusal`: the API server answered no, nothing has changed, the
same request fails again. `ClusterUnavailable`: nobody knows whether it was done, and a repeat may succeed.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Mapping
from typing import Any

import aiohttp
from cmf_core.errors import ClusterUnavailable, CmfError

_LONGEST = 2000
"""Characters of an API server's message that are passed on: it may come from a hostile or broken server."""


class KubernetesRefusal(CmfError):
    """An API server understood the request and refused it; nothing has changed there.

    Attributes:
        cluster: name of the cluster.
        code: HTTP status of the API server.
        reason: its reason in one word (`Forbidden`, `Invalid`, `NotFound`, `Conflict`, ...).
    """

    status = 422

    def __init__(self, cluster: str, code: int, reason: str, message: str) -> None:
        super().__init__(message, status=code if code in (403, 409) else None)
        self.cluster = cluster
        self.code = code
        self.reason = reason


class WatchEnded(CmfError):
    """A watch cannot go on from where it is (410 Gone, or the server closed it): list, then watch anew."""

    status = 503


def answer_error(cluster: str, what: str, code: int, headers: Mapping[str, str], body: bytes) -> CmfError:
    """Return the error of an API server's answer that is not a success.

    Args:
        cluster: name of the cluster.
        what: what the hub wanted, as in "apply FlinkDeployment 'a' in namespace 'b'".
        code: HTTP status.
        headers: headers of the answer (Retry-After).
        body: a `Status` object, if a real API server answered.
    """
    status = _status(body)
    text = str(status.get("message") or body[:200].decode(errors="replace") or "no message")[:_LONGEST]
    reason = str(status.get("reason") or "")[:100]
    name = f"Kubernetes cluster '{cluster}'"
    if code == 401:
        return ClusterUnavailable(
            f"{name} rejects the hub's credentials ({text}): replace its kubeconfig file with a valid one"
        )
    if code == 429 or code >= 500:
        if code == 500 and "failed to create typed patch object" in text:
            # Server-side apply reports unknown fields and wrong types of a custom resource as internal errors.
            return KubernetesRefusal(cluster, 422, "Invalid", f"{name} refuses to {what}: {text}")
        return ClusterUnavailable(
            f"{name} failed to {what}: HTTP {code} {text}", retry_after=_seconds(headers.get("Retry-After"))
        )
    if code == 403:
        way_out = "grant this right to the user of its kubeconfig"
        return KubernetesRefusal(cluster, code, reason, f"{name} does not allow the hub to {what}: {text}; {way_out}")
    if code == 404 and (status.get("details") or {}).get("kind") == "namespaces":
        text = f"{text}: create the namespace on the cluster first"
    elif code == 404 and text.startswith(("the server could not find", "404 page not found")):
        text = "it does not know this kind: install the Flink Kubernetes Operator with its CRDs on the cluster"
    return KubernetesRefusal(cluster, code, reason, f"{name} refuses to {what}: {text}")


_NOT_CONNECTED = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)


class NeverSent(ClusterUnavailable):
    """There was no connection to send a request on: the cluster has not heard of it."""


def transport_error(cluster: str, what: str, server: str, error: BaseException) -> ClusterUnavailable:
    """Return the error of a request that got no (whole) answer."""
    kind = NeverSent if isinstance(error, _NOT_CONNECTED) else ClusterUnavailable
    return kind(f"Kubernetes cluster '{cluster}' cannot be reached to {what}: {_cause(server, error)}")


def _cause(server: str, error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"the certificate of {server} is not trusted ({error.certificate_error})"
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno or 0
        return f"cannot connect to {server} ({os.strerror(number) if number > 0 else error.os_error.strerror})"
    if isinstance(error, ssl.SSLError):
        return f"TLS with {server} failed ({error.reason or error})"
    if isinstance(error, TimeoutError):
        return f"{server} did not answer in time"
    return f"{server} broke off ({error or type(error).__name__})"


def _status(body: bytes) -> dict[str, Any]:
    try:
        status = json.loads(body)
    except ValueError:
        return {}
    return status if isinstance(status, dict) else {}


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() else None
