"""Savepoint: an image of the state of a Flink job, of an application or statement, or detached from both (E25-E27)."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from cmf_core.models.base import Model, Resource


class SavepointState(StrEnum):
    """State of a savepoint, as of the operator's FlinkStateSnapshot; COMPLETED and ABANDONED are final."""

    TRIGGER_PENDING = "TRIGGER_PENDING"
    IN_PROGRESS = "IN_PROGRESS"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    ABANDONED = "ABANDONED"


class SavepointFormat(StrEnum):
    """Format of a savepoint's data: Flink's own for all state backends, or that of the job's backend."""

    CANONICAL = "CANONICAL"
    NATIVE = "NATIVE"
    UNKNOWN = "UNKNOWN"


class SavepointSpec(Model):
    """What is asked for.

    `path`: the folder for it, by default the job's `state.savepoints.dir`; of a detached one, where its data are.
    `backoff_limit`: how often a failed one is tried again; -1, the default: until it succeeds (D32).
    """

    path: str | None = None
    backoff_limit: int = Field(default=-1, ge=-1, le=2**31 - 1)
    format_type: SavepointFormat = SavepointFormat.CANONICAL


class SavepointStatus(Model):
    """State of a savepoint, where its data are, and what went wrong.

    Clients may send it without a state: the Confluent CLI sends `path` alone with what it creates. It is not taken.
    """

    state: SavepointState = SavepointState.TRIGGER_PENDING
    path: str | None = None
    trigger_timestamp: str | None = None
    result_timestamp: str | None = None
    failures: int | None = None
    error: str | None = None
    pending_deletion: bool | None = None
    warning: str | None = None


class Savepoint(Resource):
    """A savepoint."""

    kind: Literal["Savepoint"] = "Savepoint"
    spec: SavepointSpec = Field(default_factory=SavepointSpec)
    status: SavepointStatus | None = None
