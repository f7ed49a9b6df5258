"""Where the default cluster is: the one that the hub runs in, or that of a kubeconfig which the settings name."""

from __future__ import annotations

from cmf_core.models import DEFAULT_CLUSTER

from cmf_hub.clusters.directory import Change, read_file
from cmf_hub.clusters.kubeconfig import KubeconfigRefused, Policy, parse
from cmf_hub.clusters.service_account import in_cluster
from cmf_hub.settings import Settings


def default_cluster(settings: Settings, policy: Policy) -> Change:
    """Return where the default cluster is now: a pod's token is renewed every hour (C02, C03)."""
    path = settings.k8s_default_cluster_kubeconfig
    try:
        found = in_cluster() if path is None else parse(read_file(path), policy)
    except FileNotFoundError:
        return Change(DEFAULT_CLUSTER, KubeconfigRefused(f"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG: there is no {path}"))
    except KubeconfigRefused as refusal:
        where = "" if path is None else f"CMF_K8S_DEFAULT_CLUSTER_KUBECONFIG {path} is refused: "
        return Change(DEFAULT_CLUSTER, KubeconfigRefused(f"{where}{refusal}"))
    return Change(DEFAULT_CLUSTER, found)
