"""Resources as clients see them: stored text, with the cluster's state woven in where it matters.

Stored text is sent on without being parsed: a list of a hundred costs little more than joining it. Reads
never wait for a cluster: statuses are as the watches left them (C32, C35).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from typing import NamedTuple

from cmf_core.errors import NotFound
from cmf_core.models import KubernetesCluster
from cmf_core.rules.clusters import stale_warning

from cmf_hub.clusters.records import KIND as CLUSTER
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.flink.placement import ENVIRONMENT, cluster_of
from cmf_hub.flink.savepoints import environment_name
from cmf_hub.services.access import Access
from cmf_hub.services.information import Information
from cmf_hub.services.kinds import CATALOG, DATABASE, MAPPING
from cmf_hub.services.mappings import secret_of
from cmf_hub.services.orphans import shown
from cmf_hub.services.writes import environment_of, existing, place, scope_of
from cmf_hub.store import Condition, Key, Query, Record, Row, Store

_COMPACT = (",", ":")


class Page(NamedTuple):
    """One page of a list: JSON texts of its items, and the number of items on all pages."""

    items: list[str]
    total: int


class Views:
    """Reads of all kinds."""

    def __init__(self, store: Store, registry: ClusterRegistry, information: Information) -> None:
        self._store = store
        self._registry = registry
        self._information = information

    def one(self, key: Key, *, usage: bool = False) -> str:
        """Return a resource as JSON text; with `usage`, its status says what it holds and uses.

        Raises:
            NotFound: there is no such resource, or nothing of its scope's name.
        """
        holder = scope_of(self._store, key.kind, key.scope) if key.scope else None
        row = existing(self._store.row(key), key)
        text = self._renderer(holder, usage)(row)
        return _extended(text, "secrets", _text(self._secrets(key.name))) if key.kind == ENVIRONMENT else text

    def page(self, query: Query, *, usage: bool = False) -> Page:
        """Return one page of a list; with `usage`, its items' statuses say what they hold and use.

        Raises:
            NotFound: the environment or catalog of the list does not exist.
        """
        render = self._renderer(scope_of(self._store, query.kind, query.scope) if query.scope else None, usage)
        items = []
        for row in self._store.page(query):
            try:
                items.append(render(row))
            except NotFound:
                continue  # it was removed after the page was read
        return Page(items, self._store.count(query))

    def history_page(self, application: Key, query: Query) -> Page:
        """Return one page of what is remembered of an application: its instances, or its events.

        Raises:
            NotFound: the application or its environment does not exist.
        """
        query = self._history(application, query)
        return Page([_remembered(row) for row in self._store.page(query)], self._store.count(query))

    def history_entry(self, application: Key, kind: str, name: str) -> str:
        """Return one thing of this kind that is remembered of an application, as JSON text.

        Raises:
            NotFound: as `history_page`, or it is not remembered.
        """
        named = Condition((("name",),), "in", (name,))
        rows = self._store.page(self._history(application, Query(kind, conditions=(named,))))
        if not rows:
            raise NotFound(f"{kind} '{name}' does not exist in {application.kind} '{application.name}'.")
        return _remembered(rows[0])

    def _history(self, application: Key, query: Query) -> Query:
        scope_of(self._store, application.kind, application.scope)
        record = existing(self._store.get(application), application)
        return replace(query, scope=record.uid, table="history")

    def names(self, kind: str, scope: str) -> list[str]:
        """Return the names of all resources of a kind in a scope."""
        return [row.key.name for row in self._store.page(Query(kind, scope))]

    def cluster_of(self, environment: str | None) -> str | None:
        """Return the cluster of an environment; None if there is no such environment."""
        record = self._store.get(Key(ENVIRONMENT, "", environment)) if environment else None
        return None if record is None else place(record)[0]

    def cluster(self, name: str) -> KubernetesCluster:
        """Return a cluster with its present state, and with what forced deletions may have left there (C53).

        Raises:
            NotFound: there is none.
        """
        key = Key(CLUSTER, "", name)
        existing(self._store.get(key), key)
        cluster = self._registry.get(name)
        orphans = [shown(orphan) for orphan in self._store.orphans(name)]
        if cluster.status is not None and orphans:
            cluster.status = cluster.status.model_copy(update={"orphans": orphans})
        return cluster

    def _secrets(self, environment: str) -> dict[str, str]:
        """Return the secret of each connectionSecretId of an environment."""
        return {mapping.name: secret_of(mapping) for mapping in self._store.list(MAPPING, environment)}

    def _renderer(self, holder: Record | None, usage: bool) -> Callable[[Row], str]:
        """Return a function that renders the rows of one answer; all of them are in `holder`, if they are in anything.

        It asks for each environment's cluster once.
        """
        access = Access(self._store)

        @cache
        def warning(name: str) -> str | None:
            if holder is not None and holder.key.kind == ENVIRONMENT:
                cluster = cluster_of(holder)
            else:
                cluster = cluster_of(environment_of(self._store, name))
            state, _, heartbeat = self._registry.state(cluster)
            return stale_warning(cluster, state, heartbeat)

        def render(row: Row) -> str:
            if row.key.kind == CLUSTER:
                return _text(self.cluster(row.key.name).wire())
            if row.key.kind == MAPPING:
                return row.document
            if row.key.kind in (CATALOG, DATABASE):
                spec = json.loads(row.document)["spec"]
                seen = access.catalog(spec) if row.key.kind == CATALOG else access.database(row.key.scope, spec)
                return _extended(row.document, "status", _text({"environmentsWithAccess": seen}))
            if row.key.kind == ENVIRONMENT:
                cluster = cluster_of(environment_of(self._store, row.key.name))
                status = self._registry.get(cluster).status
                woven: dict[str, object] = {} if status is None else {"kubernetesCluster": status.wire()}
            else:
                stale = warning(environment_name(row.key.scope)) if row.key.scope else None
                woven = {"warning": stale} if stale else {}
            if usage and (record := self._store.get(row.key)):
                woven |= self._information.fields(record)
            return _extended(row.document, "status", _woven(row.status or "{}", woven))

        return render


def _remembered(row: Row) -> str:
    return _extended(row.document, "status", row.status or "{}")


def _woven(text: str, fields: Mapping[str, object]) -> str:
    for name, value in fields.items():
        text = _extended(text, name, _text(value))
    return text


def _extended(text: str, name: str, value: str) -> str:
    """Return the text of a JSON object with one field more."""
    comma = "" if text == "{}" else ","
    return f'{text[:-1]}{comma}"{name}":{value}}}'


def _text(value: object) -> str:
    return json.dumps(value, separators=_COMPACT, ensure_ascii=False)
