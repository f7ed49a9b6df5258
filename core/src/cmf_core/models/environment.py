"""Environment: where applications, pools and statements run, and what they share (E01-E07).

The one flat kind of the API: no apiVersion, kind or spec. `name` and `metadata.name` are the same thing
(D15); an answer carries both.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from cmf_core.models.base import Metadata, Model, Text
from cmf_core.models.information import ResourcesByStatusAndType, ResourceUsageSummary
from cmf_core.models.kubernetes_cluster import ClusterState


class StatementConfiguration(Model):
    """Flink configuration that statements of one kind start from."""

    flink_configuration: dict[str, Text] | None = None


class StatementDefaults(Model):
    """Defaults of detached and of interactive statements."""

    detached: StatementConfiguration | None = None
    interactive: StatementConfiguration | None = None


class EnvironmentCluster(Model):
    """State of the cluster that an environment is bound to, as its status shows it."""

    state: ClusterState
    message: str | None = None
    last_heartbeat_timestamp: str | None = None
    kubernetes_version: str | None = None


class EnvironmentStatus(Model):
    """What an environment holds, and how its cluster is.

    `advice`, which is no part of CMF's API, says what is missing on the cluster, a sentence each.
    """

    advice: list[str] | None = None
    kubernetes_cluster: EnvironmentCluster | None = None
    resources: ResourcesByStatusAndType | None = None
    resource_summary: ResourceUsageSummary | None = None


class Environment(Model):
    """An environment. `kubernetes_namespace` and `kubernetes_cluster_name` cannot change later."""

    name: str | None = None
    metadata: Metadata = Field(default_factory=Metadata)
    kubernetes_namespace: str | None = None
    kubernetes_cluster_name: str | None = None
    flink_application_defaults: dict[str, Any] | None = None
    compute_pool_defaults: dict[str, Any] | None = None
    statement_defaults: StatementDefaults | None = None
    secrets: dict[str, str] | None = None
    status: EnvironmentStatus | None = None
    created_time: str | None = Field(default=None, alias="created_time")
    updated_time: str | None = Field(default=None, alias="updated_time")

    @model_validator(mode="before")
    @classmethod
    def _one_name(cls, data: Any) -> Any:
        """Take the name from either place; refuse two that differ (D15)."""
        if not isinstance(data, dict):
            return data
        metadata = data.get("metadata") or {}
        if not isinstance(metadata, dict):
            return data
        top, inner = data.get("name"), metadata.get("name")
        if top and inner and top != inner:
            raise ValueError(f"name '{top}' and metadata.name '{inner}' differ: send one of them")
        if top or inner:
            data = {**data, "name": top or inner, "metadata": {**metadata, "name": top or inner}}
        elif data.get("metadata") is None:
            data = {**data, "metadata": {}}
        return data
