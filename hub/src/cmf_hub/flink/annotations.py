"""Annotations of an application's pods, by which logs and metrics find their instance (`cmf.md` 1.4). Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from cmf_core.merge import merged

INSTANCE = "platform.confluent.io/cmf-fa-instance"
ORIGIN = "platform.confluent.io/origin"

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def annotated(spec: dict[str, Any], instance: str | None) -> dict[str, Any]:
    """Return a FlinkDeployment's spec whose pods name their instance; as it is if there is none."""
    if instance is None or not isinstance(spec.get("podTemplate", {}), Mapping):
        return spec  # what is no pod template is for the API server to refuse
    return merged(spec, {"podTemplate": {"metadata": {"annotations": {INSTANCE: instance, ORIGIN: "flink"}}}})


def unannotated(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return a FlinkDeployment's spec without what `annotated` adds."""
    template = dict(spec.get("podTemplate") or {})
    metadata = dict(template.get("metadata") or {})
    annotations = metadata.get("annotations") or {}
    if INSTANCE not in annotations:
        return dict(spec)
    metadata["annotations"] = {key: value for key, value in annotations.items() if key not in (INSTANCE, ORIGIN)}
    template["metadata"] = {key: value for key, value in metadata.items() if value}
    return {**spec, "podTemplate": {key: value for key, value in template.items() if value}}


def instance_of(spec: Mapping[str, Any]) -> str | None:
    """Return the instance that the pods of a FlinkDeployment's spec name; None if that is no uuid."""
    name: Any = spec
    for part in ("podTemplate", "metadata", "annotations", INSTANCE):
        name = name.get(part) if isinstance(name, Mapping) else None
    return name if isinstance(name, str) and _UUID.fullmatch(name) else None
