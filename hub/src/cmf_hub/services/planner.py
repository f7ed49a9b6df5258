"""Statements planned by Flink itself, before anything runs: by a SQL gateway, in a session made for that alone.

Which gateway: that of `CMF_SQL_GATEWAY_URL`; else, for a SHARED pool, the one of its session cluster; else none, and
the statement is submitted unplanned and says so. No job can start in these sessions: their execution target does not
exist. What Flink refuses is not refused by the hub: the statement is there, and FAILED with Flink's words.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog
from cmf_core.errors import CmfError
from cmf_core.models import StatementPhase, timestamp

from cmf_hub.clock import Clock
from cmf_hub.flink.gateway import Caller, Direct, Page, Session, SessionGone, SqlRefused, session
from cmf_hub.flink.manifests import statement_configuration
from cmf_hub.flink.placement import Placement, is_shared
from cmf_hub.flink.query_cluster import gateway_of
from cmf_hub.flink.sql import (
    DDL,
    Kind,
    explained,
    first_word,
    is_append_only,
    kind,
    quoted_name,
    relocated,
    result,
    rows,
    schema,
    sql_kind,
)
from cmf_hub.services.catalog_script import DEFAULT_CATALOG, CatalogScripts, Script, Step, in_memory, place_of
from cmf_hub.services.writes import Writes
from cmf_hub.settings import Settings
from cmf_hub.store import Ddl, Record

_NO_JOBS = {"execution.target": "none"}
_BATCH = {"execution.runtime-mode": "batch"}
_UNBOUNDED = "in batch mode is not allowed"
_PLANNED = ("table.", "execution.runtime-mode", "execution.checkpointing.", "parallelism.", "pipeline.max-parallelism")
"""Beginnings of the configuration that decides about plans; the rest is none of a gateway's business."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is known of a statement before it runs.

    Attributes:
        phase: PENDING if it is to run, COMPLETED if it was answered, FAILED if it cannot run.
        detail: why it is FAILED, or what is not known; None if there is nothing to say.
        traits: `status.traits`, as far as Flink told.
        result: the answer of a COMPLETED statement.
        steps: statements that make its catalogs and tables; they may hold secrets.
        ddl: what is to be remembered, because it changed tables.
        secret: the steps hold values of secrets.
    """

    phase: StatementPhase
    detail: str | None = None
    traits: Mapping[str, Any] = field(default_factory=dict)
    result: Mapping[str, Any] | None = None
    steps: tuple[str, ...] = field(default=(), repr=False)
    ddl: Ddl | None = None
    secret: bool = False


class Planner:
    """Plans statements.

    Args:
        writes: for the store and the connections to clusters.
        scripts: what environments see.
        settings: the hub's settings.
        clock: for times in answers.
    """

    def __init__(self, writes: Writes, scripts: CatalogScripts, settings: Settings, clock: Clock) -> None:
        self._writes = writes
        self._scripts = scripts
        self._settings = settings
        self._clock = clock
        self._changing = asyncio.Lock()  # two changes of tables at a time would not know of each other

    async def plan(self, environment: Record, pool: Record, spec: Mapping[str, Any]) -> Plan:
        """Plan a statement, or answer it if it needs no job.

        Args:
            environment: its environment.
            pool: its pool.
            spec: the statement's spec, as on the wire.
        """
        statement = str(spec["statement"])
        what, traits = kind(statement), {"sqlKind": sql_kind(statement)}
        if what is Kind.REFUSED:
            return Plan(StatementPhase.FAILED, _unknown(statement))
        script = self._scripts.of(environment.name, spec.get("properties") or {})
        if first_word(statement) not in DDL:
            return await self._planned(environment, pool, spec, script, traits)
        refused = _not_allowed(script, environment.name)
        if refused:
            return Plan(StatementPhase.FAILED, refused, traits)
        async with self._changing:
            script = self._scripts.of(environment.name, spec.get("properties") or {})
            return await self._planned(environment, pool, spec, script, traits)

    def steps(self, environment: str, properties: Mapping[str, str]) -> tuple[tuple[str, ...], bool]:
        """Return the steps of a statement as they would be now, and whether they hold secrets."""
        script = self._scripts.of(environment, properties)
        return tuple(step.statement for step in script.steps), bool(script.secrets)

    async def _planned(
        self, environment: Record, pool: Record, spec: Mapping[str, Any], script: Script, traits: Mapping[str, Any]
    ) -> Plan:
        statement = str(spec["statement"])
        try:
            caller = await self._caller(environment, pool)
            if caller is None:
                return self._unplanned(statement, script, traits, _no_gateway(pool, self._settings))
            properties = planning_properties(statement_configuration(spec, environment)) | _NO_JOBS
            patience = self._settings.sql_gateway_timeout_seconds
            async with session(caller, properties, patience=patience) as opened:
                steps = await prepare(opened, script)
                plan = await self._in_session(opened, statement, environment.name, script, traits)
                return Plan(**{**vars(plan), "steps": steps, "secret": bool(script.secrets)})
        except (SqlRefused, SessionGone) as error:
            return Plan(StatementPhase.FAILED, script.redacted(str(error)), traits)
        except CmfError as error:
            log.info("statement is not planned", environment=environment.name, pool=pool.name, reason=str(error))
            return self._unplanned(statement, script, traits, script.redacted(str(error)))

    async def _caller(self, environment: Record, pool: Record) -> Caller | None:
        if self._settings.sql_gateway_url:
            return Direct(self._settings.sql_gateway_url, timeout=self._settings.k8s_request_timeout_seconds)
        if not is_shared(pool):
            return None
        connection = self._writes.writable(environment.name)
        return await gateway_of(connection, Placement(pool, environment), self._settings)

    async def _in_session(
        self, opened: Session, statement: str, environment: str, script: Script, traits: Mapping[str, Any]
    ) -> Plan:
        if kind(statement) is Kind.ANSWERED:
            return await self._answered(opened, statement, environment, script, traits)
        try:
            told = await opened.run(explained(statement))
        except SqlRefused as error:
            raise SqlRefused(relocated(str(error), statement)) from error
        known: dict[str, Any] = {**traits}
        append_only = is_append_only("\n".join(str(row["fields"][0]) for row in told.data))
        if append_only is not None:
            known["isAppendOnly"] = append_only
        bounded = await _is_bounded(opened, statement)
        if bounded is not None:
            known["isBounded"] = bounded
        return Plan(StatementPhase.PENDING, traits=known)

    async def _answered(
        self, opened: Session, statement: str, environment: str, script: Script, traits: Mapping[str, Any]
    ) -> Plan:
        is_ddl = first_word(statement) in DDL
        alters = first_word(statement) == "ALTER"
        before = await _beyond_tables(opened, script, in_full=alters) if is_ddl else ()
        answer = await opened.run(statement)
        if answer.job:
            return Plan(StatementPhase.FAILED, "It started a job, which only a query or INSERT INTO may do", traits)
        if is_ddl and await _beyond_tables(opened, script, in_full=alters) != before:
            detail = (
                f"{first_word(statement)} changed a catalog, a database, or tables of a database that environment "
                f"'{environment}' may not change, and was taken back: catalogs and databases are made by the API, and "
                "spec.ddlEnvironments of a KafkaDatabase says who may change its tables"
            )
            return Plan(StatementPhase.FAILED, detail, traits)
        known = {**traits, "isBounded": True, "isAppendOnly": True, "schema": schema(answer.columns)}
        shown = [_redacted_row(script, row) for row in rows(answer.columns, answer.data)]
        answered = result(timestamp(self._clock.now()), shown)
        ddl = place_of(script, environment, statement) if is_ddl else None
        if ddl is not None and ddl.catalog and not in_memory(self._settings):
            ddl = None
        return Plan(StatementPhase.COMPLETED, None, known, answered, ddl=ddl)

    def _unplanned(self, statement: str, script: Script, traits: Mapping[str, Any], why: str) -> Plan:
        if kind(statement) is Kind.ANSWERED:
            return Plan(StatementPhase.FAILED, f"Only a SQL gateway of Flink can answer this statement. {why}", traits)
        if kind(statement) is Kind.QUERY:
            return Plan(StatementPhase.PENDING, f"Not planned yet: {why}", traits)
        detail = (
            f"Not planned: {why}. Whether Flink takes the statement, whether it is bounded and its columns are known "
            "when its job starts"
        )
        steps = tuple(step.statement for step in script.steps)
        return Plan(StatementPhase.PENDING, detail, traits, steps=steps, secret=bool(script.secrets))


async def prepare(opened: Session, script: Script) -> tuple[str, ...]:
    """Carry out a script, and return the statements that Flink took.

    Raises:
        SqlRefused: a needed one failed.
    """
    taken = []
    for step in script.steps:
        try:
            await opened.run(step.statement)
        except SqlRefused as error:
            if step.needed:
                raise SqlRefused(f"Before the statement, {_what(step)} failed: {error}") from error
            log.info("an earlier change of tables is left out", reason=script.redacted(str(error)))
        else:
            taken.append(step.statement)
    return tuple(taken)


def _what(step: Step) -> str:
    """Return what a step does, without its options."""
    return step.statement if first_word(step.statement) == "USE" else sql_kind(step.statement).replace("_", " ")


def planning_properties(configuration: Mapping[str, str]) -> dict[str, str]:
    """Return the part of a statement's configuration that decides about its plan."""
    return {key: value for key, value in configuration.items() if key.startswith(_PLANNED)}


async def _is_bounded(opened: Session, statement: str) -> bool | None:
    """Tell whether a statement ends by itself; in batch mode Flink plans nothing that does not."""
    try:
        await opened.run(explained(statement), _BATCH)
    except SqlRefused as error:
        return False if _UNBOUNDED in str(error) else None
    return True


async def _beyond_tables(opened: Session, script: Script, *, in_full: bool) -> tuple[str, ...]:
    """Return a picture of all that DDL may not change: catalogs, databases, and tables of others' databases.

    The tables' names are enough unless the statement alters one: then it is `in_full`.
    """
    seen = [await _names(opened, "SHOW CATALOGS")]
    for catalog in sorted({DEFAULT_CATALOG, *(catalog for catalog, _ in script.databases)}):
        seen.append(await _names(opened, f"SHOW DATABASES FROM {quoted_name(catalog)}"))
    for (catalog, database), may_change in sorted(script.databases.items()):
        if not may_change:
            inside = f"{quoted_name(catalog)}.{quoted_name(database)}"
            names = await _names(opened, f"SHOW TABLES FROM {inside}")
            seen.append(names)
            if in_full:
                seen += [await _created_as(opened, f"{inside}.{quoted_name(name)}") for name in names.splitlines()]
    return tuple(seen)


async def _created_as(opened: Session, table: str) -> str:
    """Return the DDL of a table or view."""
    try:
        return await _names(opened, f"SHOW CREATE TABLE {table}")
    except SqlRefused:
        return await _names(opened, f"SHOW CREATE VIEW {table}")


async def _names(opened: Session, statement: str) -> str:
    answer: Page = await opened.run(statement)
    return "\n".join(sorted(str(row["fields"][0]) for row in answer.data))


def _redacted_row(script: Script, row: Mapping[str, Any]) -> dict[str, Any]:
    return {**row, "row": [script.redacted(item) if isinstance(item, str) else item for item in row["row"]]}


def _not_allowed(script: Script, environment: str) -> str | None:
    """Return why an environment may not change tables where a statement runs; None if it may."""
    place = place_of(script, environment, "")
    if not place.catalog or script.databases.get((place.catalog, place.database)):
        return None
    return (
        f"Environment '{environment}' may not change tables of database '{place.database}' in catalog "
        f"'{place.catalog}': add it to spec.ddlEnvironments of that KafkaDatabase"
    )


def _no_gateway(pool: Record, settings: Settings) -> str:
    if is_shared(pool):
        return (
            f"ComputePool '{pool.name}' has no SQL gateway (CMF_SQL_GATEWAY_PORT is 0, or its flinkVersion is below "
            "v1_17), and CMF_SQL_GATEWAY_URL is not set"
        )
    return (
        f"ComputePool '{pool.name}' is DEDICATED and CMF_SQL_GATEWAY_URL is not set: set it, or use a SHARED pool, "
        "which has a gateway of its own"
    )


def _unknown(statement: str) -> str:
    word = first_word(statement)
    what = f"Statements that begin with {word}" if word else "Statements without a first word"
    return (
        f"{what} are not taken: SELECT, INSERT INTO, EXECUTE STATEMENT SET, CREATE, ALTER, DROP, SHOW, DESCRIBE, "
        "EXPLAIN and USE are; settings of a session go into spec.flinkConfiguration"
    )
