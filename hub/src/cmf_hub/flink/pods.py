"""What SQL needs in the pod of a JobManager: volumes of the hub's own, and a SQL gateway beside it. Pure.

The operator lays `jobManager.podTemplate` over `podTemplate` and merges their lists item by item, by position. What
is added therefore comes after an item for each one that is there already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

MAIN = "flink-main-container"
GATEWAY = "sql-gateway"

PLAN_VOLUME, SECRET_VOLUME = "statement-plan-volume", "statement-encryption-volume"
_PLAN_PATH, _SECRET_PATH = "/opt/flink/statement", "/opt/flink/statement-secret"

_OLDEST_GATEWAY = (1, 17)
"""The first Flink whose gateway has version 2 of its REST API."""


def with_volumes(spec: Mapping[str, Any], secret: str) -> dict[str, Any]:
    """Return a FlinkDeployment spec whose JobManager has the reserved volumes (P10, P11).

    Args:
        spec: the spec.
        secret: Kubernetes Secret with the key of statements' scripts; the pod starts without it too.
    """
    volumes = [
        {"name": PLAN_VOLUME, "emptyDir": {}},
        {"name": SECRET_VOLUME, "secret": {"secretName": secret, "optional": True}},
    ]
    mounts = [
        {"name": PLAN_VOLUME, "mountPath": _PLAN_PATH},
        {"name": SECRET_VOLUME, "mountPath": _SECRET_PATH, "readOnly": True},
    ]
    common, own = _templates(spec)
    containers = _after(_items(common, "containers"), _items(own, "containers"), ("name",))
    index = next((number for number, item in enumerate(containers) if item.get("name") == MAIN), len(containers))
    before = _items(common, "containers")[index : index + 1]
    main = containers[index] if index < len(containers) else {"name": MAIN}
    common_mounts = _items(before[0], "volumeMounts") if before else []
    mounted = _after(common_mounts, _items(main, "volumeMounts"), ("name", "mountPath"))
    containers[index : index + 1] = [{**main, "volumeMounts": [*mounted, *mounts]}]
    added = {"volumes": [*_after(_items(common, "volumes"), _items(own, "volumes"), ("name",)), *volumes]}
    return _with_template(spec, {**own, **added, "containers": containers})


def with_gateway(spec: Mapping[str, Any], port: int, rest_port: int) -> dict[str, Any]:
    """Return a session cluster's spec with Flink's SQL gateway beside the JobManager, in the same image.

    It stays as it is where Flink has no such gateway, the image is not known, or `port` is 0.
    """
    if not port or not has_gateway(spec):
        return dict(spec)
    common, own = _templates(spec)
    containers = _after(_items(common, "containers"), _items(own, "containers"), ("name",))
    settings = {
        "sql-gateway.endpoint.rest.address": "0.0.0.0",  # noqa: S104 - the API server calls it at the pod's address
        # Images may have rest.bind-address: localhost, as Flink's own configuration has.
        "sql-gateway.endpoint.rest.bind-address": "0.0.0.0",  # noqa: S104
        "sql-gateway.endpoint.rest.port": str(port),
        "rest.address": "localhost",
        "rest.port": str(rest_port),
        "execution.target": "remote",
    }
    gateway = {
        "name": GATEWAY,
        "image": spec["image"],
        "command": ["/opt/flink/bin/sql-gateway.sh", "start-foreground"],
        "args": [f"-D{key}={value}" for key, value in settings.items()],
        "env": [{"name": "JVM_ARGS", "value": "-Xmx512m"}],
        "ports": [{"name": GATEWAY, "containerPort": port}],
        # The pod is ready, and so the session cluster, when statements can be sent to it.
        "startupProbe": {"tcpSocket": {"port": port}, "periodSeconds": 1, "failureThreshold": 300},
        "resources": {"requests": {"cpu": "100m", "memory": "768Mi"}, "limits": {"memory": "1Gi"}},
    }
    return _with_template(spec, {**own, "containers": [*containers, gateway]})


def has_gateway(spec: Mapping[str, Any]) -> bool:
    """Tell whether a session cluster of this spec can have a SQL gateway beside its JobManager."""
    match = re.fullmatch(r"v(\d+)_(\d+)", str(spec.get("flinkVersion")))
    return bool(spec.get("image")) and match is not None and (int(match[1]), int(match[2])) >= _OLDEST_GATEWAY


def _templates(spec: Mapping[str, Any]) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Return the pods' spec that all share, and that of the JobManager alone."""
    return _part(_part(spec, "podTemplate"), "spec"), _part(_part(_part(spec, "jobManager"), "podTemplate"), "spec")


def _with_template(spec: Mapping[str, Any], pod: Mapping[str, Any]) -> dict[str, Any]:
    manager = _part(spec, "jobManager")
    template = {**_part(manager, "podTemplate"), "spec": dict(pod)}
    return {**spec, "jobManager": {**manager, "podTemplate": template}}


def _after(
    common: Sequence[Mapping[str, Any]], own: Sequence[Mapping[str, Any]], fields: tuple[str, ...]
) -> list[dict[str, Any]]:
    """Return own items, and for each common one behind them an item that changes nothing of it."""
    rest = [{field: item[field] for field in fields if field in item} for item in common[len(own) :]]
    return [*map(dict, own), *rest]


def _part(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = of.get(name)
    return value if isinstance(value, Mapping) else {}


def _items(of: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    value = of.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
