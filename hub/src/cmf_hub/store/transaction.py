"""What the store and a change of it ask of the database, and what a change does there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from cmf_hub.store.history import History, HistoryChanges, text_of
from cmf_hub.store.query import Field, Query, order_by, value_of, where
from cmf_hub.store.record import Ddl, Key, Orphan, Record, Row

_COLUMNS = "kind, scope, name, uid, generation, created, updated, document, status, deleting, dirty, instance, private"

_WRITTEN = f"{_COLUMNS}, state".split(", ")

_PUT = (
    f"INSERT INTO resource ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))}) "  # noqa: S608
    f"ON CONFLICT (kind, scope, name) DO UPDATE SET {', '.join(f'{each} = excluded.{each}' for each in _WRITTEN[3:])}"
)


class Reader:
    """Questions that the store and a transaction answer alike."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.history = History(connection)

    def get(self, key: Key) -> Record | None:
        """Return the record of `key`, or None."""
        sql = f"SELECT {_COLUMNS} FROM resource WHERE kind = ? AND scope = ? AND name = ?"  # noqa: S608
        rows = self._connection.execute(sql, tuple(key)).fetchall()
        return _record(rows[0]) if rows else None

    def row(self, key: Key) -> Row | None:
        """Return the resource of `key` as text, or None."""
        sql = "SELECT document, status, deleting FROM resource WHERE kind = ? AND scope = ? AND name = ?"
        found = self._connection.execute(sql, tuple(key)).fetchone()
        return None if found is None else Row(key, found[0], found[1], bool(found[2]))

    def list(self, kind: str, scope: str | None = None) -> list[Record]:
        """Return the records of a kind in the order of their names, of one scope or of all."""
        condition, parameters = where(Query(kind, scope))
        sql = f"SELECT {_COLUMNS} FROM resource WHERE {condition} ORDER BY scope, name"  # noqa: S608
        return [_record(row) for row in self._connection.execute(sql, parameters)]

    def count(self, query: Query) -> int:
        """Return how many records a query has on all its pages."""
        condition, parameters = where(query)
        sql = f"SELECT count(*) FROM {query.table} WHERE {condition}"  # noqa: S608
        return int(self._connection.execute(sql, parameters).get)

    def tally(self, query: Query, field: Field) -> dict[str, int]:
        """Return how many records a query has with each value of a field; those without it are under ""."""
        value, parameters = value_of(query.table, field)
        condition, more = where(query)
        sql = f"SELECT coalesce({value}, ''), count(*) FROM resource WHERE {condition} GROUP BY 1 ORDER BY 1"  # noqa: S608
        return {str(found): number for found, number in self._connection.execute(sql, (*parameters, *more))}

    def page(self, query: Query) -> Sequence[Row]:
        """Return the page that a query asks for, as text."""
        condition, parameters = where(query)
        order, more = order_by(query)
        deleting = "deleting" if query.table == "resource" else "0"
        rest = f"WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?"
        values = (*parameters, *more, query.limit, query.offset)
        if query.table == "resource" and (query.offset or query.conditions):
            # Keys first: their indexes pass over what is not on the page without reading its documents.
            rest = f"WHERE (kind, scope, name) IN (SELECT kind, scope, name FROM resource {rest}) ORDER BY {order}"  # noqa: S608
            values = (*values, *more)
        sql = f"SELECT kind, scope, name, document, status, {deleting} FROM {query.table} {rest}"  # noqa: S608
        rows = self._connection.execute(sql, values)
        return [Row(Key(k, s, n), document, status, bool(deleting)) for k, s, n, document, status, deleting in rows]

    def dirty(self) -> Sequence[Key]:
        """Return what the reconciler has to work on."""
        return [Key(*row) for row in self._connection.execute("SELECT kind, scope, name FROM resource WHERE dirty")]

    def ddl(self, environment: str) -> Sequence[Ddl]:
        """Return what changed tables in all KafkaCatalogs and in an environment's default catalog, oldest first."""
        sql = "SELECT environment, catalog, database, statement FROM ddl WHERE environment IN ('', ?) ORDER BY number"
        return [Ddl(*row) for row in self._connection.execute(sql, (environment,))]

    def orphans(self, cluster: str) -> Sequence[Orphan]:
        """Return what forced deletions may have left on a cluster, oldest first."""
        sql = (
            "SELECT cluster, kind, namespace, name, uid, since, environment FROM orphan WHERE cluster = ? "
            "ORDER BY since, namespace, name, kind"
        )
        return [Orphan(*row) for row in self._connection.execute(sql, (cluster,))]


class Transaction(Reader):
    """One change: what it reads is what it writes on, and all of it happens or nothing."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection)
        self.history: HistoryChanges = HistoryChanges(connection)

    def put(self, record: Record) -> Record:
        """Insert or replace a record, and return it."""
        status = None if record.status is None else text_of(record.status)
        private = None if record.private is None else text_of(record.private)
        self._connection.execute(
            _PUT,
            (*record.key, record.uid, record.generation, record.created, record.updated,
             text_of(record.document), status, int(record.deleting), int(record.dirty), record.instance, private,
             record.state),
        )  # fmt: skip
        return record

    def delete(self, key: Key) -> bool:
        """Remove a record and its history; False if there was none."""
        sql = "DELETE FROM resource WHERE kind = ? AND scope = ? AND name = ? RETURNING uid"
        uid = self._connection.execute(sql, tuple(key)).get
        if uid is not None:
            self.history.clear(uid)
        return uid is not None

    def add_orphan(self, orphan: Orphan) -> None:
        """Remember an object that may still be on its cluster."""
        self._connection.execute(
            "INSERT OR REPLACE INTO orphan (cluster, kind, namespace, name, uid, since, environment) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (orphan.cluster, orphan.kind, orphan.namespace, orphan.name, orphan.uid, orphan.since, orphan.environment),
        )

    def add_ddl(self, ddl: Ddl) -> None:
        """Remember a statement that changed tables or views."""
        sql = "INSERT INTO ddl (environment, catalog, database, statement) VALUES (?, ?, ?, ?)"
        self._connection.execute(sql, tuple(ddl))

    def remove_orphan(self, cluster: str, uid: str) -> bool:
        """Forget an orphan, because it is gone or is ours again; False if it was not known."""
        self._connection.execute("DELETE FROM orphan WHERE cluster = ? AND uid = ?", (cluster, uid))
        return self._connection.changes() > 0


def _record(row: Iterable[Any]) -> Record:
    kind, scope, name, uid, generation, created, updated, document, status, deleting, dirty, instance, private = row
    return Record(
        key=Key(kind, scope, name),
        uid=uid,
        generation=generation,
        created=created,
        updated=updated,
        document=json.loads(document),
        status=None if status is None else json.loads(status),
        deleting=bool(deleting),
        dirty=bool(dirty),
        instance=instance,
        private=None if private is None else json.loads(private),
    )
