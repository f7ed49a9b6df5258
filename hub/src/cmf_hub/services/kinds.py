"""Kinds without a Kubernetes object, and the kind that each scoped kind lives in."""

from __future__ import annotations

from cmf_hub.flink.placement import ENVIRONMENT

SECRET = "Secret"  # noqa: S105 - the name of a kind
MAPPING = "EnvironmentSecretMapping"
CATALOG = "KafkaCatalog"
DATABASE = "KafkaDatabase"

_SCOPES = {DATABASE: CATALOG}


def scope_kind(kind: str) -> str:
    """Return the kind of what a scoped resource is in: a catalog for databases, else an environment."""
    return _SCOPES.get(kind, ENVIRONMENT)
