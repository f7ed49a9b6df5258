"""Statement: one SQL statement on one compute pool (P01, P02)."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from cmf_core.models.base import API_VERSION, Model, Resource, Text
from cmf_core.models.information import ResourceUsageSummary


class StatementPhase(StrEnum):
    """Phase of a statement; COMPLETED and FAILED are final (`cmf.md` 1.4)."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    STOPPED = "STOPPED"
    FAILING = "FAILING"
    FAILED = "FAILED"
    DELETING = "DELETING"


class StartFromSavepoint(Model):
    """Where a stopped statement resumes from; only in an update."""

    savepoint_name: str | None = None
    uid: str | None = None
    initial_savepoint_path: str | None = None
    allow_non_restored_state: bool | None = None
    savepoint_redeploy_nonce: int | None = None


class StatementSpec(Model):
    """Desired statement. Defaults: parallelism 1, stopped false."""

    statement: str
    compute_pool_name: str = Field(min_length=1)
    properties: dict[str, Text] | None = None
    flink_configuration: dict[str, Text] | None = None
    parallelism: int = Field(default=1, ge=1)
    stopped: bool = False
    start_from_savepoint: StartFromSavepoint | None = None


class StatementStatus(Model):
    """Phase of a statement, why, and whether the data may be stale."""

    phase: StatementPhase
    detail: str | None = None
    traits: dict[str, Any] | None = None
    warning: str | None = None
    resource_summary: ResourceUsageSummary | None = None


class Statement(Resource):
    """A SQL statement."""

    kind: Literal["Statement"] = "Statement"
    spec: StatementSpec
    status: StatementStatus | None = None


class StatementException(Model):
    """An exception of a statement's job.

    Attributes:
        name: class of the exception.
        message: what Flink says of it, with its stack trace if there is one.
        timestamp: RFC 3339 time at which it happened.
    """

    api_version: str = API_VERSION
    kind: Literal["StatementException"] = "StatementException"
    name: str
    message: str
    timestamp: str


class StatementExceptionList(Model):
    """The last exceptions of a statement, newest first; ten at most."""

    api_version: str = API_VERSION
    kind: Literal["StatementExceptionList"] = "StatementExceptionList"
    data: list[StatementException] = Field(max_length=10)
