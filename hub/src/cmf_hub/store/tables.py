"""The hub's tables in PostgreSQL: made from those in SQLite, read into it, and changed by what changed there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apsw
import psycopg
from psycopg import sql

from cmf_hub.store.schema import KEPT, NEWEST, StoreError, migrate, upgrade

_SCHEMA = sql.Identifier("cmf_hub")
_TYPES = {"TEXT": "text", "INTEGER": "bigint"}


class Tables:
    """The tables of one PostgreSQL database, through one session.

    Args:
        session: the session; its owner opens and closes it.
        name: the database, for messages.
    """

    def __init__(self, session: psycopg.Connection, name: str) -> None:
        self._session = session
        self._name = name

    def execute(self, query: str, values: Sequence[Any] = ()) -> psycopg.Cursor:
        """Execute a statement in which {} is the hub's schema."""
        return self._session.execute(sql.SQL(query).format(_SCHEMA), values)

    def make_head(self) -> None:
        """Make the hub's schema and the table of its version and leaders, if they are not there."""
        if not self._present():
            self.execute("CREATE SCHEMA IF NOT EXISTS {}")
            self.execute("CREATE TABLE {}.hub (version bigint, epoch bigint, commits bigint)")
            self.execute("INSERT INTO {}.hub VALUES (0, 0, 0)")

    def version(self) -> int:
        """Return the version of the hub's schema; 0 if there is nothing of a hub.

        Raises:
            StoreError: a newer hub wrote it.
        """
        found = self.execute("SELECT version FROM {}.hub").fetchone() if self._present() else None
        version = 0 if found is None else int(found[0])
        if version > NEWEST:
            raise StoreError(
                f"The database {self._name} has schema {version}, and this cmf-hub knows up to {NEWEST}: "
                "start the newer cmf-hub that wrote it"
            )
        return version

    def _present(self) -> bool:
        found = self._session.execute("SELECT to_regclass('cmf_hub.hub')").fetchone()
        return found is not None and found[0] is not None

    def read_all(self, copy: apsw.Connection, path: Path) -> int:
        """Fill an empty SQLite database with everything, in the newest schema; return the version it has here."""
        version = self.version()
        migrate(copy, 0, version or NEWEST)
        if version:
            present = {name for (name,) in copy.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
            with copy:
                for table in KEPT:
                    if table in present:
                        self._read(copy, table)
            upgrade(copy, path)
        return version

    def write_all(self, source: apsw.Connection) -> None:
        """Make all tables anew, as a SQLite database of the newest schema has them."""
        for table in KEPT:
            columns = _columns(source, table)
            name = sql.SQL("{}.{}").format(_SCHEMA, sql.Identifier(table))
            terms = [sql.SQL("{} {}").format(sql.Identifier(each), sql.SQL(_TYPES[kind])) for each, kind, _ in columns]
            keys = [sql.Identifier(each) for each, _, number in sorted(columns, key=lambda row: row[2]) if number]
            terms.append(sql.SQL("PRIMARY KEY ({})").format(sql.SQL(", ").join(keys)))
            self._session.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(name))
            self._session.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(terms)))
            with self._session.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(name)) as into:
                for row in source.execute(f"SELECT {', '.join(each for each, _, _ in columns)} FROM {table}"):  # noqa: S608
                    into.write_row(row)
        self.execute("UPDATE {}.hub SET version = %s", (NEWEST,))

    def _read(self, copy: apsw.Connection, table: str) -> None:
        names = [name for name, _, _ in _columns(copy, table)]
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        with self._session.cursor(name="read") as rows:
            rows.itersize = 1000
            rows.execute(sql.SQL("SELECT {} FROM {}.{}").format(columns, _SCHEMA, sql.Identifier(table)))
            marks = ", ".join("?" * len(names))
            copy.executemany(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})", rows)  # noqa: S608


class Changes:
    """Changesets of SQLite as statements of PostgreSQL.

    Args:
        copy: a SQLite database of the newest schema, for the names of the columns.
    """

    def __init__(self, copy: apsw.Connection) -> None:
        self._columns = {table: [sql.Identifier(name) for name, _, _ in _columns(copy, table)] for table in KEPT}

    def carry_out(self, changeset: bytes, session: psycopg.Connection) -> None:
        """Make the changes of a changeset."""
        for change in apsw.Changeset.iter(changeset):
            session.execute(*self._statement(change))

    def _statement(self, change: apsw.TableChange) -> tuple[sql.Composed, list[Any]]:
        columns, table = self._columns[change.name], sql.SQL("{}.{}").format(_SCHEMA, sql.Identifier(change.name))
        if change.old is None:
            marks = sql.SQL(", ").join(sql.Placeholder() * len(columns))
            return sql.SQL("INSERT INTO {} VALUES ({})").format(table, marks), list(change.new or ())
        keys = sorted(change.pk_columns)
        is_it = sql.SQL(" AND ").join(sql.SQL("{} = %s").format(columns[number]) for number in keys)
        it = [change.old[number] for number in keys]
        if change.new is None:
            return sql.SQL("DELETE FROM {} WHERE {}").format(table, is_it), it
        new = {number: value for number, value in enumerate(change.new) if value is not apsw.no_change}
        terms = sql.SQL(", ").join(sql.SQL("{} = %s").format(columns[number]) for number in new)
        return sql.SQL("UPDATE {} SET {} WHERE {}").format(table, terms, is_it), [*new.values(), *it]


def _columns(database: apsw.Connection, table: str) -> list[tuple[str, str, int]]:
    """Return name, type and number in the primary key (0: not in it) of each column."""
    return [(row[1], row[2], row[5]) for row in database.execute(f"PRAGMA table_info({table})")]
