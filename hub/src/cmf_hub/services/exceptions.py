"""The last exceptions of a statement."""

from __future__ import annotations

import re

import structlog
from cmf_core.errors import CmfError
from cmf_core.models import StatementException, StatementExceptionList

from cmf_hub.clusters.connection import Connection
from cmf_hub.flink.exceptions import MOST, remembered, reported_exception
from cmf_hub.flink.jobmanager import job_manager
from cmf_hub.flink.marks import belongs
from cmf_hub.flink.placement import STATEMENT, Placement, is_query_statement, places, sql_part
from cmf_hub.flink.recorder import placed
from cmf_hub.services.writes import Writes
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record

_JOB_ID = re.compile(r"[0-9a-f]{32}")
_FAULTY = ("FAILED", "FAILING")

log = structlog.get_logger(__name__)


class StatementExceptions:
    """Exceptions of statements, which are nowhere but in Flink."""

    def __init__(self, writes: Writes, settings: Settings) -> None:
        self._writes = writes
        self._settings = settings

    async def last(self, environment: str, name: str) -> StatementExceptionList:
        """Return the last ten exceptions of a statement, newest first.

        They are the JobManager's. Where it knows none or cannot be asked, what the status of a FAILED or FAILING
        statement says is the only one.

        Raises:
            NotFound: there is no such statement.
        """
        record = self._writes.present(Key(STATEMENT, environment, name))
        try:
            found = await self._of_job_manager(placed(self._writes.store, record))
        except CmfError as error:
            log.info("exceptions of a statement come from its status", statement=str(record.key), why=str(error))
            found = []
        return StatementExceptionList(data=found or _of_status(record))

    async def _of_job_manager(self, at: Placement) -> list[StatementException]:
        connection = self._writes.writable(at.record.key.scope)
        if at.pool is None:
            return []
        job = await self._job(connection, at)
        if not _JOB_ID.fullmatch(job):
            return []
        service = job_manager(connection, at, self._settings)
        return remembered(await service.json("GET", f"/jobs/{job}/exceptions?maxExceptions={MOST}"))

    async def _job(self, connection: Connection, at: Placement) -> str:
        """Return the id of a statement's Flink job; empty if none is known."""
        if is_query_statement(at.record):
            return str((sql_part(at.record).get("query") or {}).get("job") or "")
        for resource in places(at):
            present = await connection.get(resource, at.namespace, at.record.name)
            if present is not None and belongs(present, at.record):
                return str(((present.get("status") or {}).get("jobStatus") or {}).get("jobId") or "")
        return ""


def _of_status(record: Record) -> list[StatementException]:
    status = record.status or {}
    if status.get("phase") not in _FAULTY or not status.get("detail"):
        return []
    return [reported_exception(str(status["detail"]), record.updated)]
