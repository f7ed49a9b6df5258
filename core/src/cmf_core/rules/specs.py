"""Shapes of free-form specifications: what others look into is what they expect.

Everything else in them is Kubernetes' to accept or to refuse.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cmf_core.rules.verdict import Refusal, Verdict, first, rule

_OBJECTS = ("flinkConfiguration", "job", "jobManager", "taskManager", "podTemplate")
_TEXTS = ("labels", "annotations")


@rule("SHAPE")
def deployment_spec(where: str, spec: Mapping[str, Any]) -> Verdict:
    """The parts of a FlinkDeployment's spec are objects."""
    return first(*(_object(where, spec, field) for field in _OBJECTS))


@rule("SHAPE")
def application_defaults(environment: str, defaults: Mapping[str, Any] | None) -> Verdict:
    """An environment's flinkApplicationDefaults mirror a FlinkApplication."""
    return _defaults(f"Environment '{environment}': flinkApplicationDefaults", defaults or {}, None)


@rule("SHAPE")
def pool_defaults(environment: str, defaults: Mapping[str, Any] | None) -> Verdict:
    """An environment's computePoolDefaults mirror a ComputePool."""
    return _defaults(f"Environment '{environment}': computePoolDefaults", defaults or {}, "clusterSpec")


def _defaults(where: str, defaults: Mapping[str, Any], inside: str | None) -> Verdict:
    refusal = first(_object(where, defaults, "metadata"), _object(where, defaults, "spec"))
    if refusal is not None:
        return refusal
    metadata, spec, path = defaults.get("metadata") or {}, defaults.get("spec") or {}, f"{where}.spec"
    if inside is not None:
        refusal = _object(path, spec, inside)
        if refusal is not None:
            return refusal
        spec, path = spec.get(inside) or {}, f"{path}.{inside}"
    return first(*(_texts(f"{where}.metadata", metadata, field) for field in _TEXTS), deployment_spec(path, spec))


def _object(where: str, holder: Mapping[str, Any], field: str) -> Verdict:
    value = holder.get(field)
    if value is None or isinstance(value, Mapping):
        return None
    return Refusal(400, f"{where}.{field} is not an object", "SHAPE")


def _texts(where: str, holder: Mapping[str, Any], field: str) -> Verdict:
    refusal = _object(where, holder, field)
    if refusal is not None:
        return refusal
    for key, value in (holder.get(field) or {}).items():
        if not isinstance(value, str):
            return Refusal(400, f"{where}.{field}.{key} is not a text: put it in quotes", "SHAPE")
    return None
