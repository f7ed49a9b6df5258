"""Operations on Kubernetes clusters."""

from __future__ import annotations

import json

from cmf_core.models import KubernetesCluster, KubernetesNamespace
from cmf_core.rules.roles import Action, ResourceType

from cmf_hub.api.listing import Listing
from cmf_hub.api.operation import Answer, Call, Operation, Reach
from cmf_hub.api.paths import V1
from cmf_hub.auth.needs import Right
from cmf_hub.clusters.records import KIND as CLUSTER

LISTING = Listing(CLUSTER, page_kind="KubernetesClustersPage")


async def page(call: Call) -> Answer:
    """List the registered clusters."""
    request = call.page(LISTING)
    found = call.services.views.page(request.query)
    return Answer(request.answer(found._replace(items=[await _shown(call, item) for item in found.items])))


async def one(call: Call) -> Answer:
    """Return a cluster."""
    return Answer(await _shown(call, _text(call.services.views.cluster(call.path["cluster"]))))


async def update(call: Call) -> Answer:
    """Change the life cycle, labels and annotations of a cluster."""
    name = call.path["cluster"]
    await call.services.clusters.update(name, call.named(KubernetesCluster, name))
    return await one(call)


async def namespace(call: Call) -> Answer:
    """Tell whether a cluster has a namespace, so that a preview knows whether an environment can be on it (E02)."""
    found = await call.services.clusters.namespace(call.path["cluster"], call.path["namespace"])
    return Answer(json.dumps(found.wire()))


async def _shown(call: Call, text: str) -> str:
    """Return a cluster without its orphans for who may not change it: they name resources of all environments."""
    if '"orphans"' not in text:
        return text
    cluster = json.loads(text)
    if await call.permissions.has(Right(Action.EDIT, ResourceType.KUBERNETES_CLUSTER, cluster["metadata"]["name"])):
        return text
    cluster["status"].pop("orphans", None)
    return json.dumps(cluster, ensure_ascii=False)


def _text(cluster: KubernetesCluster) -> str:
    return json.dumps(cluster.wire(), ensure_ascii=False)


_LIST = f"{V1}/kubernetes-clusters"
_ONE = f"{_LIST}/{{cluster}}"

OPERATIONS = (
    Operation("GET", _LIST, page, id="getKubernetesClusters", gives=KubernetesCluster, listing=LISTING),
    Operation("GET", _ONE, one, (200, 404), id="getKubernetesCluster", gives=KubernetesCluster),
    Operation(
        "PUT", _ONE, update, (200, 400, 404),
        id="updateKubernetesCluster", body=KubernetesCluster, gives=KubernetesCluster,
    ),
    Operation(
        "GET", f"{_ONE}/namespaces/{{namespace}}", namespace, (200, 404),
        id="getKubernetesNamespace", gives=KubernetesNamespace, reach=Reach.CALLS,
    ),
)  # fmt: skip

_FILES = "A cluster is registered by its kubeconfig file in CMF_K8S_KUBECONFIG_DIRECTORY"
NOT_OVER_REST = {
    ("POST", _LIST): f"{_FILES}, named as the cluster, and not over REST (C09).",
    ("DELETE", _ONE): f"{_FILES}: remove the file to deregister it; it cannot be deleted over REST (C09, C14).",
}
"""Why two methods are missing."""
