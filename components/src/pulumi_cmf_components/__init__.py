"""Components for whole Flink platforms: what the cookbooks do by hand, as Pulumi components and functions.

What goes onto a Kubernetes cluster is made with pulumi-kubernetes, the rest with ``pulumi_cmf``. Programs import this
package; it imports ``pulumi_cmf`` and ``cmf_core``, and nothing of ours imports it.
"""

from pulumi_cmf_components.certificates import Certificate, CertificateAuthority
from pulumi_cmf_components.charts import Chart
from pulumi_cmf_components.defaults import combined, for_pools
from pulumi_cmf_components.flink_namespace import FlinkNamespace
from pulumi_cmf_components.flink_operator import FlinkOperator
from pulumi_cmf_components.flink_tls import FlinkTls, internal_tls
from pulumi_cmf_components.hub import Hub
from pulumi_cmf_components.hub_access import HubAccess
from pulumi_cmf_components.kubeconfig import HubKubeconfig
from pulumi_cmf_components.minio import Minio
from pulumi_cmf_components.placement import Placement
from pulumi_cmf_components.platform import FlinkPlatform
from pulumi_cmf_components.security import Security
from pulumi_cmf_components.sized_application import SizedApplication
from pulumi_cmf_components.sized_compute_pool import SizedComputePool
from pulumi_cmf_components.sizing import Rates, Workload
from pulumi_cmf_components.spoke import Operator, Spoke
from pulumi_cmf_components.state_store import StateStore

__all__ = [
    "Certificate",
    "CertificateAuthority",
    "Chart",
    "FlinkNamespace",
    "FlinkOperator",
    "FlinkPlatform",
    "FlinkTls",
    "Hub",
    "HubAccess",
    "HubKubeconfig",
    "Minio",
    "Operator",
    "Placement",
    "Rates",
    "Security",
    "SizedApplication",
    "SizedComputePool",
    "Spoke",
    "StateStore",
    "Workload",
    "combined",
    "for_pools",
    "internal_tls",
]
