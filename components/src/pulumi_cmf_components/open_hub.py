"""The hub of this project: one pod, not root, nothing writable but its data.

A StatefulSet with a volume; with PostgreSQL a Deployment without one, whose pod can go to any node. Its pod ends before
the next one starts: a hub that stands by is never ready, so a rolling update would wait for it in vain.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, StatefulSet

from pulumi_cmf_components import security
from pulumi_cmf_components.security import ROLES_FOLDER, TLS_FOLDER, Security

KUBECONFIGS, ENCRYPTION, DATA = "/etc/cmf/kubeconfig", "/etc/cmf/encryption", "/var/lib/cmf"
USER = 1001
"""User and group of the hub in its image, and of Confluent's CMF in its own."""
_DEFAULT_RESOURCES = {"requests": {"cpu": "250m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}


@dataclass(frozen=True)
class Parts:
    """What either distribution is put together from.

    Attributes:
        name: of the hub.
        namespace: where it runs.
        kubeconfigs: Secret whose keys are the spokes' kubeconfigs.
        encryption: Secret with the key `key` that encrypts secrets, or None.
        database: Secret with the address (`url`) of a PostgreSQL database, or None.
        tls: Secret with certificates, or None.
        roles: ConfigMap with role bindings, or None.
        storage: size and storage class of the volume.
        resources: requests and limits.
    """

    name: str
    namespace: str
    kubeconfigs: str
    encryption: str | None
    database: str | None
    tls: str | None
    roles: str | None
    storage: Mapping[str, Any]
    resources: Mapping[str, Any] | None

    def mounted(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return name, path and source of each volume that is read only, as Pulumi spells them."""
        volumes: list[tuple[str, str, dict[str, Any]]] = [
            ("kubeconfigs", KUBECONFIGS, {"secret": {"secret_name": self.kubeconfigs}})
        ]
        if self.encryption:
            volumes.append(("encryption", ENCRYPTION, {"secret": {"secret_name": self.encryption}}))
        if self.tls:
            volumes.append(("tls", TLS_FOLDER, {"secret": {"secret_name": self.tls}}))
        if self.roles:
            volumes.append(("roles", ROLES_FOLDER, {"config_map": {"name": self.roles}}))
        return volumes


def labels(name: str) -> dict[str, str]:
    """Return the labels of the pod."""
    return {"app.kubernetes.io/name": "cmf-hub", "app.kubernetes.io/instance": name}


def settings(parts: Parts, given: Security | None, more: Mapping[str, str]) -> dict[str, str]:
    """Return the hub's environment variables."""
    values = {
        "CMF_HOST": "0.0.0.0",  # noqa: S104 - a pod's address is not known before, and its Service chooses who comes
        "CMF_K8S_KUBECONFIG_DIRECTORY": KUBECONFIGS,
    }
    if not parts.database:
        values["CMF_DATABASE"] = f"{DATA}/hub.db"
    if parts.encryption:
        values["CMF_ENCRYPTION_KEY_FILE"] = f"{ENCRYPTION}/key"
    return {**values, **(security.settings(given) if given else {}), **more}


def workload(
    parts: Parts, image: str, given: Security | None, more: Mapping[str, str], opts: pulumi.ResourceOptions
) -> StatefulSet | Deployment:
    """Describe the hub's StatefulSet, or with PostgreSQL its Deployment."""
    metadata: Any = {"name": parts.name, "namespace": parts.namespace}
    spec: Any = {
        "replicas": 1,
        "selector": {"match_labels": labels(parts.name)},
        "template": {"metadata": {"labels": labels(parts.name)}, "spec": _pod(parts, image, given, more)},
    }
    if parts.database:
        spec["strategy"] = {"type": "Recreate"}
        return Deployment(parts.name, metadata=metadata, spec=spec, opts=opts)
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "access_modes": ["ReadWriteOnce"],
            "storage_class_name": parts.storage.get("storage_class"),
            "resources": {"requests": {"storage": parts.storage["size"]}},
        },
    }
    spec |= {"service_name": "cmf-service", "volume_claim_templates": [claim]}
    return StatefulSet(parts.name, metadata=metadata, spec=spec, opts=opts)


def _pod(parts: Parts, image: str, given: Security | None, more: Mapping[str, str]) -> dict[str, Any]:
    def probe(path: str, failures: int) -> dict[str, Any]:
        get = {"path": path, "port": "http", "scheme": "HTTPS" if given else "HTTP"}
        return {"http_get": get, "period_seconds": 5, "timeout_seconds": 3, "failure_threshold": failures}

    mounts: list[Any] = [{"name": name, "mount_path": path, "read_only": True} for name, path, _ in parts.mounted()]
    environment: list[Any] = [
        {"name": name, "value": value} for name, value in sorted(settings(parts, given, more).items())
    ]
    if parts.database:
        url = {"secret_key_ref": {"name": parts.database, "key": "url"}}
        environment.append({"name": "CMF_DATABASE_URL", "value_from": url})
    else:
        mounts.append({"name": "data", "mount_path": DATA})
    container = {
        "name": "hub",
        "image": image,
        "args": ["serve"],
        "env": environment,
        "ports": [{"name": "http", "container_port": 8080}],
        "startup_probe": probe("/healthz", 24),
        "liveness_probe": probe("/healthz", 6),
        "readiness_probe": probe("/readyz", 2),
        "resources": parts.resources or _DEFAULT_RESOURCES,
        "security_context": {
            "allow_privilege_escalation": False,
            "read_only_root_filesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volume_mounts": [
            {"name": "tmp", "mount_path": "/tmp"},  # noqa: S108 - an empty folder of the pod's own
            *mounts,
        ],
    }
    return {
        "service_account_name": parts.name,
        "security_context": {
            "run_as_non_root": True,
            "run_as_user": USER,
            "run_as_group": USER,
            "fs_group": USER,
            "seccomp_profile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [
            {"name": "tmp", "empty_dir": {}},
            *({"name": name, **source} for name, _, source in parts.mounted()),
        ],
    }
