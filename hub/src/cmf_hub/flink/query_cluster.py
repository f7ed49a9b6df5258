"""The session cluster that runs a query, and the SQL gateway beside its JobManager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.services import Address, Service, ServiceUnreachable
from cmf_hub.flink.manifests import session_spec
from cmf_hub.flink.placement import Placement, cluster_name
from cmf_hub.flink.pods import has_gateway
from cmf_hub.settings import Settings


async def gateway_of(connection: Connection, placed: Placement, settings: Settings) -> Service | None:
    """Return the SQL gateway of a session cluster; None if its kind has none.

    Sessions live in one gateway, so it is the pod that is called and no Service in front of several.

    Args:
        connection: to the cluster that it runs on.
        placed: a SHARED pool, or a query, whose cluster is its pool's or its own.
        settings: the hub's settings.

    Raises:
        ServiceUnreachable: no JobManager of it runs.
        ClusterUnavailable, KubernetesRefusal: the API server did not answer, or said no.
    """
    if not settings.sql_gateway_port or not has_gateway(session_spec(placed, settings)):
        return None
    name = cluster_name(placed)
    selector = f"app={name},component=jobmanager"
    running = [pod for pod in await connection.pods(placed.namespace, selector) if _is_running(pod)]
    if not running:
        raise ServiceUnreachable(
            f"No JobManager of session cluster '{name}' runs in namespace '{placed.namespace}' of Kubernetes cluster "
            f"'{placed.cluster}'"
        )
    return gateway_in(connection, placed.namespace, str(running[0]["metadata"]["name"]), settings)


def gateway_in(connection: Connection, namespace: str, pod: str, settings: Settings) -> Service:
    """Return the SQL gateway in a pod."""
    return Service(connection, Address(namespace, pod, settings.sql_gateway_port, pod=True))


def _is_running(pod: Mapping[str, Any]) -> bool:
    status = pod.get("status") or {}
    return status.get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]
