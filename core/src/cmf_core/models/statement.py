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


class DataType(Model):
    """A SQL type, as in `{"type": "MAP", "keyType": {...}, "valueType": {...}}`."""

    type: str
    nullable: bool
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    key_type: DataType | None = None
    value_type: DataType | None = None
    element_type: DataType | None = None
    fields_of_row: list[DataTypeField] | None = Field(default=None, alias="fields")
    resolution: str | None = None
    fractional_precision: int | None = None


class DataTypeField(Model):
    """A field of a row type."""

    name: str
    field_type: DataType
    description: str | None = None


class ResultSchemaColumn(Model):
    """A column of results."""

    name: str
    type: DataType


class ResultSchema(Model):
    """The columns of results."""

    columns: list[ResultSchemaColumn]


class StatementTraits(Model):
    """What Flink says of a statement; what nobody could tell is not there.

    Attributes:
        sql_kind: as in SELECT, INSERT_INTO, CREATE_TABLE.
        is_bounded: it ends by itself.
        is_append_only: its results are only ever added to.
        upsert_columns: positions of the columns that are its results' key.
        result_schema: columns of its results.
    """

    sql_kind: str | None = None
    is_bounded: bool | None = None
    is_append_only: bool | None = None
    upsert_columns: list[int] | None = None
    result_schema: ResultSchema | None = Field(default=None, alias="schema")


class StatementStatus(Model):
    """Phase of a statement, why, and whether the data may be stale."""

    phase: StatementPhase
    detail: str | None = None
    traits: StatementTraits | None = None
    warning: str | None = None
    resource_summary: ResourceUsageSummary | None = None


class StatementResultMetadata(Model):
    """When a page of results was made, and in its annotation `nextPageToken` where the next one is."""

    creation_timestamp: str | None = None
    annotations: dict[str, str] | None = None


class StatementResults(Model):
    """Rows: `row` a list of the columns' values, `op` 0 insert, 1 and 2 update before and after, 3 delete."""

    data: list[dict[str, Any]] = Field(default_factory=list)


class StatementResult(Model):
    """One page of the results of a statement."""

    api_version: str = API_VERSION
    kind: Literal["StatementResult"] = "StatementResult"
    metadata: StatementResultMetadata
    results: StatementResults


class Statement(Resource):
    """A SQL statement; `result` is the answer of one that was carried out at once."""

    kind: Literal["Statement"] = "Statement"
    spec: StatementSpec
    status: StatementStatus | None = None
    result: StatementResult | None = None


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
