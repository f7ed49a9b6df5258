"""KubernetesCluster: a hub or spoke cluster that CMF manages (C01, C27, C28, C31, C62)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from cmf_core.models.base import Metadata, Model, Resource

DEFAULT_CLUSTER = "default-k8s-cluster"
"""Reserved name of the cluster where the manager itself lives (C02, C04)."""


class LifecycleState(StrEnum):
    """What the operator of the fleet wants of a cluster (C62)."""

    ACTIVE = "ACTIVE"
    DECOMMISSIONED = "DECOMMISSIONED"


class ClusterState(StrEnum):
    """What a cluster is (C31)."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"
    DECOMMISSIONED = "DECOMMISSIONED"


class KubernetesClusterSpec(Model):
    """Desired state of a cluster."""

    lifecycle_state: LifecycleState | None = None


class OrphanedObject(Model):
    """A Kubernetes object that a forced deletion may have left on a cluster (C53); no part of CMF's API.

    Attributes:
        kind: kind of the deleted resource, as in `FlinkApplication`.
        namespace: namespace of the object.
        name: name of the object and of the deleted resource.
        uid: uid of the deleted resource, which the object has as a label.
        since: RFC 3339 time of the forced deletion.
        environment: environment of the deleted resource, or None if it is not known.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    since: str
    environment: str | None = None


class CleanedOrphans(Model):
    """What became of a cluster's orphans; no part of CMF's API.

    Attributes:
        cleaned: those that are gone.
        ending: those whose deletion waits for finalizers; they stay listed until they are gone.
    """

    cleaned: list[OrphanedObject] = Field(default_factory=list)
    ending: list[OrphanedObject] = Field(default_factory=list)


class KubernetesNamespace(Model):
    """Whether a cluster has a namespace (E02); no part of CMF's API."""

    name: str
    exists: bool


class KubernetesClusterStatus(Model):
    """State of a cluster; `kubernetes_version` only while CONNECTED (C30), `orphans` only if there are any."""

    state: ClusterState
    message: str | None = None
    last_heartbeat_timestamp: str | None = None
    kubernetes_version: str | None = None
    orphans: list[OrphanedObject] | None = None


class KubernetesCluster(Resource):
    """A registered cluster. Registration is by kubeconfig file, never by POST (C09, C10)."""

    kind: Literal["KubernetesCluster"] = "KubernetesCluster"
    metadata: Metadata = Field(default_factory=Metadata)
    spec: KubernetesClusterSpec = Field(default_factory=KubernetesClusterSpec)
    status: KubernetesClusterStatus | None = None
