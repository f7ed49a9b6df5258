"""A service of a local cluster whose pod is a process of this machine: what an API server's proxy leads to."""

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import psutil
import pytest
from cmf_localfleet import LocalCluster
from cmf_localfleet.connection import connect
from kubernetes.client import CoreV1Api, DiscoveryV1Api
from kubernetes.client.exceptions import ApiException


def reachable_address() -> str:
    """Return an address of this machine that API servers pass requests on to; loopback is none."""
    for addresses in psutil.net_if_addrs().values():
        for address in addresses:
            if address.family is socket.AF_INET and not address.address.startswith(("127.", "169.254.")):
                return address.address
    pytest.skip("this machine has no address but loopback, which API servers do not pass requests on to")


@contextmanager
def service(
    cluster: LocalCluster,
    name: str,
    port: int,
    *,
    service_port: int = 8081,
    namespace: str = "flink",
    labels: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """A Service whose only pod is at this machine's address and `port`, and has these labels."""
    address = reachable_address()
    with connect(cluster.kubeconfig) as client:
        core: Any = CoreV1Api(client)
        slices: Any = DiscoveryV1Api(client)
        _account(core, namespace)
        core.create_namespaced_pod(
            namespace,
            {
                "metadata": {"name": name, "labels": dict(labels or {})},
                "spec": {"containers": [{"name": "main", "image": "none"}]},
            },
        )
        core.patch_namespaced_pod_status(
            name, namespace, {"status": {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]}}
        )
        ports = [{"name": "rest", "port": service_port, "targetPort": port}]
        core.create_namespaced_service(namespace, {"metadata": {"name": name}, "spec": {"ports": ports}})
        target = {"kind": "Pod", "namespace": namespace, "name": name}
        core.create_namespaced_endpoints(
            namespace,
            {
                "metadata": {"name": name},
                "subsets": [
                    {"addresses": [{"ip": address, "targetRef": target}], "ports": [{"name": "rest", "port": port}]}
                ],
            },
        )
        slices.create_namespaced_endpoint_slice(
            namespace,
            {
                "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "endpoints": [{"addresses": [address], "conditions": {"ready": True}, "targetRef": target}],
                "ports": [{"name": "rest", "port": port}],
            },
        )
        try:
            yield
        finally:
            slices.delete_namespaced_endpoint_slice(name, namespace)
            core.delete_namespaced_endpoints(name, namespace)
            core.delete_namespaced_service(name, namespace)
            core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def _account(core: Any, namespace: str) -> None:
    """Make the service account that pods need; no controller does it here."""
    try:
        core.create_namespaced_service_account(namespace, {"metadata": {"name": "default"}})
    except ApiException as error:
        if error.status != 409:
            raise
