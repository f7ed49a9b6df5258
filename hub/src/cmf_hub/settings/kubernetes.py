"""Settings of the Kubernetes clusters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self

from cmf_core.rules.clusters import heartbeat_settings
from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from cmf_hub.settings.group import Cmf, Group, OptionalPath


class Kubernetes(Group):
    """Kubernetes clusters."""

    k8s_kubeconfig_directory: Annotated[Path, Cmf("cmf.k8s.kubeconfigDirectory")] = Path("/etc/cmf/kubeconfig")
    """Directory whose files are the clusters (C10-C18): file name = cluster name."""

    k8s_default_cluster_kubeconfig: OptionalPath = None
    """Kubeconfig of default-k8s-cluster; unset: the service account of the pod that the hub runs in (C02, C03)."""

    k8s_heartbeat_interval_seconds: Annotated[float, Cmf("cmf.k8s.heartbeatIntervalSeconds")] = 60.0
    """Seconds between two probes of a cluster; 0 switches heartbeats off (C54, C60)."""

    k8s_heartbeat_timeout_seconds: Annotated[float, Cmf("cmf.k8s.heartbeatTimeoutSeconds")] = 10.0
    """Seconds that a probe may take; not over the interval (C56, C57)."""

    k8s_request_timeout_seconds: float = Field(default=10.0, gt=0)
    """Seconds that any other call to a cluster may take."""

    k8s_flink_api_group: str = Field(default="flink.apache.org", min_length=3)
    """API group of the Flink Kubernetes Operator's resources."""

    k8s_labels_empty_clears: bool = False
    """A PUT of `labels: {}` on a cluster: false keeps them (C44), true clears them as CMF 2.3.1's API says (D1)."""

    k8s_kubeconfig_allow_insecure_tls: bool = False
    """Accept `insecure-skip-tls-verify` in a kubeconfig: no protection against a man in the middle."""

    k8s_kubeconfig_allow_proxy: bool = False
    """Accept `proxy-url` in a kubeconfig: the hub then connects to wherever that says."""

    @model_validator(mode="after")
    def _heartbeat(self) -> Self:
        refusal = heartbeat_settings(self.k8s_heartbeat_interval_seconds, self.k8s_heartbeat_timeout_seconds)
        if refusal is not None:
            names = ["k8s_heartbeat_interval_seconds", "k8s_heartbeat_timeout_seconds"]
            raise PydanticCustomError("settings", "{message}", {"message": refusal.message, "settings": names})
        return self
