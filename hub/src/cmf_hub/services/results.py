"""Rows of queries, page by page: as a SQL gateway has them, and the last page of each once more."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from cmf_core.errors import BadRequest, Gone
from cmf_core.models import StatementPhase, timestamp

from cmf_hub.clock import Clock
from cmf_hub.clusters.services import ServiceRefusal, ServiceUnreachable
from cmf_hub.flink.gateway import Page, Session, SessionGone, SqlRefused
from cmf_hub.flink.placement import Placement, is_query_statement, sql_part
from cmf_hub.flink.query_cluster import gateway_in
from cmf_hub.flink.recorder import placed
from cmf_hub.flink.sql import Kind, kind, result, rows
from cmf_hub.services.writes import Writes
from cmf_hub.settings import Settings
from cmf_hub.store import Key, Record

_MOST_PAGES = 200
"""Pages that are kept in memory to be asked for again; the one that was read longest ago goes first."""


class Results:
    """Answers with the results of statements.

    Args:
        writes: for the store and the connections to clusters.
        settings: the hub's settings.
        clock: for times in answers.
    """

    def __init__(self, writes: Writes, settings: Settings, clock: Clock) -> None:
        self._writes = writes
        self._settings = settings
        self._clock = clock
        self._pages: dict[str, tuple[int, Page]] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def page(self, key: Key, token: str | None) -> Mapping[str, Any]:
        """Return a page of a statement's results.

        Args:
            key: the statement.
            token: which page; None for the first one.

        Raises:
            NotFound: there is no such statement.
            BadRequest: it has no results, or the token is none.
            Gone: the page was read before the last one, or the results are not there any more.
            ServiceUnreachable, ClusterUnavailable: the gateway, or its cluster, does not answer.
        """
        record = self._writes.present(key)
        answered = record.document.get("result")
        if isinstance(answered, Mapping):
            return answered
        if not is_query_statement(record) or "outcome" in sql_part(record):
            raise BadRequest(f"Statement '{key.name}' has no results: it is {_why_not(record)}")
        if token is not None and not (token.isascii() and token.isdecimal() and len(token) < 10):
            raise BadRequest(f"page-token '{token}' is none of this statement: begin without one")
        query = query_of(record)
        if "operation" not in query:
            if query.get("phase") == StatementPhase.FAILED or record.spec.get("stopped"):
                raise Gone(f"Statement '{key.name}' has no results any more: {query.get('detail') or 'it is STOPPED'}")
            return result(timestamp(self._clock.now()), [], token or "0")
        page = await self._fetched(record, query, int(token or 0))
        following = None if page.next_token is None else str(page.next_token)
        return result(timestamp(self._clock.now()), rows(page.columns, page.data), following)

    def keep(self, uid: str, token: int, page: Page) -> None:
        """Keep a query's page, to be asked for again."""
        self._pages.pop(uid, None)
        self._pages[uid] = token, page
        if len(self._pages) > _MOST_PAGES:
            del self._pages[next(iter(self._pages))]

    def forget(self, uid: str) -> None:
        """Forget the pages of a query: it is stopped or deleted."""
        self._pages.pop(uid, None)
        self._locks.pop(uid, None)

    def session(self, resource: Placement, query: Mapping[str, Any]) -> Session:
        """Return the session in a gateway that a query runs in."""
        connection = self._writes.registry.require_writable(resource.cluster)
        gateway = gateway_in(connection, resource.namespace, str(query["pod"]), self._settings)
        return Session(gateway, str(query["session"]), patience=self._settings.sql_gateway_timeout_seconds)

    async def _fetched(self, record: Record, query: Mapping[str, Any], token: int) -> Page:
        resource = placed(self._writes.store, record)
        async with self._locks[record.uid]:
            last, page = self._pages.get(record.uid, (-1, Page()))
            if last == token:
                return page
            try:
                page = await self.session(resource, query).fetch(str(query["operation"]), token, wait=False)
            except (SessionGone, SqlRefused) as error:
                raise Gone(f"Results of statement '{record.name}' are gone: {error}") from error
            except ServiceRefusal as error:
                raise ServiceUnreachable(str(error)) from error
            if page.ready:
                self.keep(record.uid, token, page)
            return page


def query_of(record: Record) -> Mapping[str, Any]:
    """Return what is known of a query that was started: see `sql_part`."""
    part = sql_part(record).get("query")
    return part if isinstance(part, Mapping) else {}


def _why_not(record: Record) -> str:
    outcome = sql_part(record).get("outcome") or {}
    if outcome.get("phase") == StatementPhase.FAILED:
        return f"FAILED: {outcome.get('detail')}"
    return "a job that writes tables" if kind(str(record.spec["statement"])) is Kind.JOB else "not answered"
