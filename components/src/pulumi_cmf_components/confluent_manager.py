"""Confluent's CMF by its Helm chart, with values that mean what the arguments of Hub say (cmf.md 1.7, 1.8)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi
from pulumi_kubernetes.helm.v3 import Release

from pulumi_cmf_components.charts import Chart, merged, release
from pulumi_cmf_components.open_hub import KUBECONFIGS, USER, Parts
from pulumi_cmf_components.security import TLS_FOLDER, Security, confluent_values

LABELS = {"app": "confluent-manager-for-apache-flink"}
"""Labels of the chart's pod; this and the values are after Confluent's documentation, not tried with the chart."""


def values(
    parts: Parts, security: Security | None, database: Mapping[str, Any] | None, more: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the chart's values."""
    volumes = [{"name": "kubeconfigs", "secret": {"secretName": parts.kubeconfigs}}]
    mounts = [{"name": "kubeconfigs", "mountPath": KUBECONFIGS, "readOnly": True}]
    if parts.tls:
        volumes.append({"name": "tls", "secret": {"secretName": parts.tls}})
        mounts.append({"name": "tls", "mountPath": TLS_FOLDER, "readOnly": True})
    result: dict[str, Any] = {
        "serviceAccount": {"create": False, "name": parts.name},
        "podSecurity": {"securityContext": {"runAsUser": USER, "fsGroup": USER}},
        "persistence": {
            "create": database is None,
            "dataVolumeCapacity": parts.storage["size"],
            "storageClassName": parts.storage.get("storage_class"),
        },
        "mountedVolumes": {"volumes": volumes, "volumeMounts": mounts},
        "cmf": {"k8s": {"enabled": True, "kubeconfigDirectory": KUBECONFIGS}},
    }
    if parts.resources:
        result["resources"] = dict(parts.resources)
    if parts.encryption:
        key = {"kubernetesSecretName": parts.encryption, "kubernetesSecretProperty": "key"}
        result["encryption"] = {"key": key}
    if database is not None:
        result["cmf"]["database"] = dict(database)
    if security:
        result = merged(result, confluent_values(security))
    return merged(result, more)


def installed(
    parts: Parts,
    chart: Chart,
    security: Security | None,
    database: Mapping[str, Any] | None,
    more: Mapping[str, Any],
    opts: pulumi.ResourceOptions,
) -> Release:
    """Describe the release."""
    return release(parts.name, chart, parts.namespace, values(parts, security, database, more), opts)
