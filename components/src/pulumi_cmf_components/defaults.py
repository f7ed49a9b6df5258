"""Defaults of environments that several components have a part in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pulumi_cmf.types import ApplicationDefaults, PoolDefaults

_NAMED = ("containers", "initContainers", "volumes", "volumeMounts", "env")
"""Lists of Kubernetes whose items are known by their names; mounts and variables of one container are added up."""


def combined(*defaults: ApplicationDefaults | Mapping[str, Any] | None) -> dict[str, Any]:
    """Return defaults laid over each other: mappings key by key, named lists of pods item by item; the last wins."""
    result: dict[str, Any] = {}
    for each in defaults:
        result = _over(result, each or {})
    return result


def for_pools(defaults: ApplicationDefaults | Mapping[str, Any]) -> PoolDefaults:
    """Return the defaults of applications as those of compute pools, whose Flink clusters are a level deeper."""
    deeper: Any = {"spec": {"cluster_spec": defaults["spec"]}} if "spec" in defaults else {}
    laid: PoolDefaults = {**defaults, **deeper}  # type: ignore[typeddict-item]
    return laid


def _over(base: Mapping[str, Any], top: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in top.items():
        present = result.get(key)
        if isinstance(present, Mapping) and isinstance(value, Mapping):
            result[key] = _over(present, value)
        elif key in _NAMED and isinstance(present, list) and isinstance(value, list):
            result[key] = _items(present, value)
        else:
            result[key] = value
    return result


def _items(base: list[Any], top: list[Any]) -> list[Any]:
    by_name = {item["name"]: item for item in base}
    for item in top:
        by_name[item["name"]] = _over(by_name.get(item["name"], {}), item)
    return list(by_name.values())
