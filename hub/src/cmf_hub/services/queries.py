"""Queries: statements whose rows go to whoever asks. A SQL gateway on the cluster runs them.

The gateway keeps the rows, some thousands at most, and makes the job wait when they are not fetched (`results`). What
the hub has to know to go on after a restart is in the record: pod, session and operation. A query ends with its
gateway; nothing restores what it had not shown.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog
from cmf_core.errors import CmfError
from cmf_core.models import StatementPhase

from cmf_hub.clock import Clock
from cmf_hub.clusters.connection import Connection
from cmf_hub.clusters.services import Service, ServiceRefusal, ServiceUnreachable
from cmf_hub.flink.gateway import SessionGone, SqlRefused, session
from cmf_hub.flink.jobmanager import job_manager
from cmf_hub.flink.manifests import statement_configuration
from cmf_hub.flink.placement import STATEMENT, Placement, is_query_statement, sql_part
from cmf_hub.flink.query_cluster import gateway_of
from cmf_hub.flink.recorder import placed, placement
from cmf_hub.flink.sql import reason, schema
from cmf_hub.flink.status import reported
from cmf_hub.services.catalog_script import CatalogScripts
from cmf_hub.services.planner import planning_properties, prepare
from cmf_hub.services.results import Results, query_of
from cmf_hub.services.writes import Writes
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record, Transaction

LOOK_AGAIN = 2.0
"""Seconds between two looks at a query: at its job, or whether it can start now."""

_P = StatementPhase
_FINAL = (_P.COMPLETED, _P.FAILED)
_CONFIGURED = ("state.", "restart-strategy", "execution.buffer-timeout", "pipeline.object-reuse")
"""Beginnings of the configuration that a query's job gets besides what decides about its plan."""

log = structlog.get_logger(__name__)


class Queries:
    """Starts queries and follows them.

    Args:
        writes: for the store and the connections to clusters.
        scripts: what environments see.
        results: where their rows are asked for.
        settings: the hub's settings.
        clock: for pauses.
    """

    def __init__(
        self, writes: Writes, scripts: CatalogScripts, results: Results, settings: Settings, clock: Clock
    ) -> None:
        self._writes = writes
        self._scripts = scripts
        self._results = results
        self._settings = settings
        self._clock = clock
        self._tasks: dict[Key, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Go on with the queries of before."""
        for record in self._writes.store.list(STATEMENT):
            self.follow(record)

    async def stop(self) -> None:
        """Stop following; queries go on until their gateway finds them idle."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def follow(self, record: Record) -> None:
        """Follow a statement if it is a query that is to run."""
        if record.key not in self._tasks and _is_to_run(record):
            task = asyncio.create_task(self._follow(record.key), name=f"query {record.key}")
            self._tasks[record.key] = task
            task.add_done_callback(lambda _: self._tasks.pop(record.key, None))

    async def end(self, record: Record) -> None:
        """Close the session of a query that is stopped or deleted, and with it end its job, if the gateway answers."""
        task = self._tasks.get(record.key)
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        self._results.forget(record.uid)
        resource = placement(self._writes.store, record.key)
        query = query_of(resource.record) if resource is not None else {}
        if resource is None or "session" not in query:
            return
        try:
            opened = self._results.session(resource, query)
            with suppress(SessionGone):
                await opened.close()
        except CmfError as error:
            log.info("a query's session is left to end by itself", resource=str(record.key), reason=str(error))
        await self._note(resource.record, query=None)

    async def _follow(self, key: Key) -> None:
        while True:
            resource = placement(self._writes.store, key)
            if resource is None or not _is_to_run(resource.record):
                return
            try:
                await self._look(resource)
            except CmfError as error:
                await self._note(resource.record, detail=str(error))
            except Exception:
                log.exception("query cannot be followed, will be tried again", resource=str(key))
            await self._clock.sleep(LOOK_AGAIN)

    async def _look(self, resource: Placement) -> None:
        connection = self._writes.registry.require_writable(resource.cluster)
        query = query_of(resource.record)
        try:
            if "operation" in query:
                await self._observe(connection, resource, query)
            else:
                await self._start(connection, resource)
        except SessionGone as error:
            text = f"The query is lost with its SQL gateway: {error}. Create the statement again"
            await self._note(resource.record, phase=_P.FAILED, detail=text)
        except SqlRefused as error:
            await self._note(resource.record, phase=_P.FAILED, detail=str(error))

    async def _start(self, connection: Connection, resource: Placement) -> None:
        record = resource.record
        gateway = await gateway_of(connection, resource, self._settings)
        if gateway is None:
            raise SqlRefused("Its session cluster has no SQL gateway: that takes Flink 1.17 and CMF_SQL_GATEWAY_PORT")
        script = self._scripts.of(record.key.scope, record.spec.get("properties") or {})
        configuration = statement_configuration(record.spec, resource.environment)
        properties = planning_properties(configuration)
        properties |= {key: value for key, value in configuration.items() if key.startswith(_CONFIGURED)}
        properties |= {"pipeline.name": record.name, "parallelism.default": str(record.spec.get("parallelism") or 1)}
        patience = self._settings.sql_gateway_timeout_seconds
        try:
            async with session(gateway, properties, patience=patience, keep=True) as opened:
                await prepare(opened, script)
                operation = await opened.submit(str(record.spec["statement"]))
                page = await opened.fetch(operation, 0)
                query = {
                    "pod": gateway.address.name, "session": opened.handle, "operation": operation, "job": page.job,
                    "phase": _P.RUNNING,
                }  # fmt: skip
                self._results.keep(record.uid, 0, page)
                if not await self._note(record, query=query, traits={"schema": schema(page.columns)}):
                    await opened.close()  # it was deleted or stopped meanwhile
        except SqlRefused as error:
            raise SqlRefused(script.redacted(str(error))) from error

    async def _observe(self, connection: Connection, resource: Placement, query: Mapping[str, Any]) -> None:
        try:
            await self._results.session(resource, query).heartbeat()
        except ServiceUnreachable as error:
            pods = await connection.pods(resource.namespace, "component=jobmanager")
            if query["pod"] not in [pod["metadata"]["name"] for pod in pods]:
                raise SessionGone(f"pod '{query['pod']}' is gone") from error
            raise
        phase, detail = await self._job(connection, resource, query)
        await self._note(resource.record, phase=phase, detail=detail)

    async def _job(
        self, connection: Connection, resource: Placement, query: Mapping[str, Any]
    ) -> tuple[StatementPhase, str | None]:
        """Return phase and detail of a query by the state of its job."""
        if not query.get("job"):
            return _P.COMPLETED, None
        flink = job_manager(connection, resource, self._settings)
        path = f"/jobs/{query['job']}"
        try:
            state = (await flink.json("GET", path)).get("state")
        except ServiceRefusal as error:
            if error.code == 404:
                return _P.FAILED, "The session cluster does not know the query's job any more: it was started anew"
            raise
        match state:
            case "FINISHED":
                return _P.COMPLETED, None
            case "FAILED":
                script = self._scripts.of(resource.record.key.scope, resource.record.spec.get("properties") or {})
                return _P.FAILED, script.redacted(await _root_exception(flink, path))
            case "CANCELED":
                return _P.FAILED, "The job was cancelled outside CMF"
            case "RUNNING":
                return _P.RUNNING, None
        waiting = state in ("INITIALIZING", "CREATED")
        return (_P.PENDING if waiting else _P.FAILING), f"The job is {state}"

    async def _note(self, seen: Record, **changes: Any) -> bool:
        """Write down what is known of a query; False if it is not to run any more, and nothing is written.

        Args:
            seen: its record, as it was read.
            changes: `query`, all of it anew; `traits`, in addition; `phase` and `detail` of the query.
        """

        def work(transaction: Transaction) -> bool:
            record = transaction.get(seen.key)
            if record is None or record.uid != seen.uid:
                return False
            ended = "query" in changes and changes["query"] is None
            if not ended and not _is_to_run(record):
                return False
            part = dict(sql_part(record))
            query = dict(changes.get("query", part.get("query") or {}) or {})
            if ended:
                part.pop("query", None)
            else:
                query |= {field: changes[field] for field in ("phase", "detail") if field in changes}
                part |= {"query": query, "traits": {**part.get("traits", {}), **changes.get("traits", {})}}
                part.pop("notice", None)
            after = replace(record, private={**(record.private or {}), "sql": part})
            status = reported(placed(transaction, after), None)
            if query.get("phase") not in _FINAL:  # what the operator has taken up, only the watch knows
                status["observedGeneration"] = (record.status or {}).get("observedGeneration", 0)
            after = replace(after, status=status)
            if after != record:
                transaction.put(after)
            return True

        return await self._writes.store.transact(work)


async def _root_exception(flink: Service, path: str) -> str:
    told = await flink.json("GET", f"{path}/exceptions?maxExceptions=1")
    return reason(str(told.get("root-exception") or "The job failed"))


def _is_to_run(record: Record) -> bool:
    if not is_query_statement(record) or record.deleting or record.spec.get("stopped") or "outcome" in sql_part(record):
        return False
    return query_of(record).get("phase") not in _FINAL
