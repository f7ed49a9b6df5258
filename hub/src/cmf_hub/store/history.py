"""What is remembered about a resource: numbered entries, each kind of them bounded, gone when it is deleted."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import apsw


@dataclass(frozen=True)
class Entry:
    """One entry.

    Attributes:
        scope: uid of the resource that it is about.
        kind: its own kind; entries of one kind and scope are numbered in the order in which they came.
        name: unique.
        document: the entry as it is sent to clients, without its status.
        status: the rest of it.
    """

    scope: str
    kind: str
    name: str
    document: dict[str, Any] = field(repr=False)
    status: dict[str, Any] = field(repr=False)


class History:
    """Questions about entries. Lists of them are pages of a `Query` on the table history."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, scope: str, kind: str, name: str) -> Entry | None:
        """Return an entry, or None."""
        sql = (
            "SELECT document, status FROM history WHERE scope = ? AND kind = ? AND name = ? "
            "ORDER BY number DESC LIMIT 1"  # the newest are asked for most
        )
        row = self._connection.execute(sql, (scope, kind, name)).fetchone()
        return None if row is None else Entry(scope, kind, name, json.loads(row[0]), json.loads(row[1]))


class HistoryChanges(History):
    """Changes of entries, in a transaction."""

    def append(self, entry: Entry) -> None:
        """Add an entry as the newest of its kind."""
        self._connection.execute(
            "INSERT INTO history (scope, kind, number, name, document, status) VALUES (?1, ?2, "
            "(SELECT coalesce(max(number), 0) + 1 FROM history WHERE scope = ?1 AND kind = ?2), ?3, ?4, ?5)",
            (entry.scope, entry.kind, entry.name, text_of(entry.document), text_of(entry.status)),
        )

    def rewrite(self, entry: Entry) -> None:
        """Replace document and status of an entry; nothing happens if it is not there."""
        self._connection.execute(
            "UPDATE history SET document = ?, status = ? WHERE scope = ? AND kind = ? AND name = ?",
            (text_of(entry.document), text_of(entry.status), entry.scope, entry.kind, entry.name),
        )

    def remove(self, scope: str, names: Iterable[str]) -> None:
        """Remove entries by their names."""
        for name in names:
            self._connection.execute("DELETE FROM history WHERE scope = ? AND name = ?", (scope, name))

    def prune(self, scope: str, kind: str, keep: int, but: Iterable[str | None] = ()) -> None:
        """Remove all entries of a kind except the newest `keep`, and except those with a name in `but`."""
        self._connection.execute(
            "DELETE FROM history WHERE scope = ?1 AND kind = ?2 AND number < "
            "(SELECT number FROM history WHERE scope = ?1 AND kind = ?2 ORDER BY number DESC LIMIT 1 OFFSET ?3 - 1) "
            "AND name NOT IN (SELECT value FROM json_each(?4) WHERE value IS NOT NULL)",
            (scope, kind, keep, json.dumps(list(but))),
        )

    def clear(self, scope: str) -> None:
        """Remove everything that is remembered of a resource."""
        self._connection.execute("DELETE FROM history WHERE scope = ?", (scope,))


def text_of(value: dict[str, Any]) -> str:
    """Canonical JSON text: no spaces, fields in the order in which the value has them."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
