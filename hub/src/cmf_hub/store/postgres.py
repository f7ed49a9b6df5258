"""PostgreSQL as the place where the hub's data are safe, for more than one hub.

SQLite still answers every question: a hub with PostgreSQL has a copy of everything in a temporary file, which it fills
when it takes over. Each commit first sends what it changed (SQLite's changeset) to PostgreSQL, so that whatever is
acknowledged is there. There is one schema and one set of queries, and reads never wait for a network. The price is that
a hub reads everything once before it leads.

One hub leads at a time. It holds an advisory lock by the session that it writes with: who has lost the lock has lost
the connection, and cannot write. Each leader has a number (`epoch`) and counts its commits, so that after a broken
connection it knows whether its last commit arrived, and whether another hub has led meanwhile. A leader without a
connection gives up after its patience; PostgreSQL ends a session that is silent for longer, and frees its lock.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
import psycopg
from psycopg.conninfo import conninfo_to_dict

from cmf_hub.store.schema import NEWEST, StoreError
from cmf_hub.store.tables import Changes, Tables

_LOCK = 0x636D665F687562
"""Number of the advisory lock ("cmf_hub"); advisory locks are a database's own."""
_RETRY_SECONDS = 0.2


class LeadershipLost(StoreError):
    """Another hub may lead now: this one must not go on. Whether the last change happened, nobody knows."""

    status = 503


class Postgres:
    """The database of the hub that leads: its session, lock and number. One thread at a time may use it."""

    def __init__(self, url: str, patience: float, session: psycopg.Connection) -> None:
        self.name = described(url)
        self._url = url
        self._patience = patience
        self._session = session
        self._changes: Changes | None = None
        self._epoch = self._commits = 0
        self._closing = threading.Event()
        self._lost: LeadershipLost | None = None
        self.ping_seconds = patience / 4
        """How often a hub that has nothing to write looks after its lock."""
        self.on_lost: Callable[[LeadershipLost], None] = lambda _: None
        """Called once when this hub does not lead any more, in the thread that noticed it."""

    @classmethod
    def take(cls, url: str, patience: float) -> Postgres | None:
        """Become the leader; None if another hub leads.

        Args:
            url: as libpq takes it, `postgresql://user:password@host/database`.
            patience: seconds for which a leader tries to get back a broken connection.

        Raises:
            StoreError: PostgreSQL cannot be reached, or refuses.
        """
        with explained(described(url)):
            session = connect(url, patience)
            if _locked(session):
                return cls(url, patience, session)
            session.close()
            return None

    def load(self, copy: apsw.Connection, path: Path) -> int:
        """Fill an empty SQLite database with everything, and bring both to the newest schema.

        Returns:
            The schema's version before; 0 if there was nothing of a hub.

        Raises:
            StoreError: PostgreSQL cannot be read or written, or a newer hub has written it.
        """
        with explained(self.name), self._session.transaction():
            tables = self._begin()
            version = tables.read_all(copy, path)
            if version != NEWEST:
                tables.write_all(copy)
            self._changes = Changes(copy)
        return version

    def replace(self, source: apsw.Connection) -> None:
        """Put what a SQLite database of the newest schema has into this one, which must have no resources.

        Raises:
            StoreError: it has some, or cannot be written; nothing was changed.
        """
        with explained(self.name), self._session.transaction():
            tables = self._begin()
            if tables.version() and tables.execute("SELECT 1 FROM {}.resource LIMIT 1").fetchone() is not None:
                raise StoreError(
                    f"The database {self.name} has resources already, and nothing was changed: restore into an empty "
                    "one, or keep these with `cmf-hub backup` and drop its schema cmf_hub"
                )
            tables.write_all(source)

    def commit(self, changeset: bytes) -> None:
        """Make a changeset of SQLite safe; if the connection breaks, get it back and find out whether it arrived.

        Raises:
            LeadershipLost: the connection did not come back in time, or another hub leads.
            StoreError: PostgreSQL refuses; nothing was changed.
        """
        self._send_surely(changeset)

    def ping(self) -> None:
        """Find out whether the connection, and with it the lock, is there still, and get it back if not.

        Raises:
            LeadershipLost: as `commit`.
        """
        self._send_surely(None)

    def give_up(self, why: BaseException) -> None:
        """Lead no more: this hub's copy is not what PostgreSQL has."""
        if self._lost is None:
            self._lose(f"its copy of the database {self.name} broke: {why}")

    def interrupt(self) -> None:
        """End any wait for a connection, because the hub is stopping."""
        self._closing.set()

    def close(self) -> None:
        """End the session, which frees the lock."""
        self._session.close()

    def _begin(self) -> Tables:
        """Make the schema if it is not there, and become the next leader."""
        tables = Tables(self._session, self.name)
        tables.make_head()
        led = tables.execute("UPDATE {}.hub SET epoch = epoch + 1, commits = 0 RETURNING epoch").fetchone()
        self._epoch, self._commits = 0 if led is None else led[0], 0
        return tables

    def _send_surely(self, changeset: bytes | None) -> None:
        if self._lost is not None:
            raise self._lost
        try:
            self._send(changeset)
        except psycopg.Error as error:
            if not self._session.closed:
                raise StoreError(f"The database {self.name} cannot be written: {error}") from error
            self._resume(changeset, error)

    def _send(self, changeset: bytes | None) -> None:
        if changeset is None or self._changes is None:
            self._session.execute("SELECT 1")
            return
        tables = Tables(self._session, self.name)
        with self._session.transaction():
            with self._session.pipeline():
                counted = tables.execute(
                    "UPDATE {}.hub SET commits = commits + 1 WHERE epoch = %s AND commits = %s",
                    (self._epoch, self._commits),
                )
                self._changes.carry_out(changeset, self._session)
            if counted.rowcount != 1:
                raise self._lose("another one has written to its database")
        self._commits += 1

    def _resume(self, changeset: bytes | None, error: psycopg.Error) -> None:
        """Get connection and lock back, and finish what was under way."""
        until = time.monotonic() + self._patience
        while time.monotonic() < until and not self._closing.is_set():
            try:
                self._session.close()
                self._session = connect(self._url, self._patience)
                if _locked(self._session):
                    found = Tables(self._session, self.name).execute("SELECT epoch, commits FROM {}.hub").fetchone()
                    if found is None or found[0] != self._epoch:
                        raise self._lose("another one has led meanwhile")
                    if found[1] == self._commits:
                        self._send(changeset)
                    else:
                        self._commits = found[1]  # the commit had arrived, only its answer was lost
                    return
            except psycopg.Error as again:
                error = again
            self._closing.wait(_RETRY_SECONDS)
        raise self._lose(f"no connection to its database {self.name} for {self._patience:g} s: {error}") from error

    def _lose(self, why: str) -> LeadershipLost:
        self._lost = LeadershipLost(
            f"This hub does not lead any more ({why.strip()}): it stops, and another can take over", retry_after=1
        )
        self.on_lost(self._lost)
        return self._lost


def described(url: str) -> str:
    """Return an address for messages, without its password.

    Raises:
        StoreError: it is none.
    """
    parts = _parsed(url)
    return f"{parts.get('dbname', '')} at {parts.get('host', 'this machine')}:{parts.get('port', 5432)}"


def connect(url: str, patience: float) -> psycopg.Connection:
    """Open a session, of which either end notices within some seconds that the other one is gone.

    Raises:
        psycopg.Error: PostgreSQL cannot be reached, or refuses.
        StoreError: the address is none.
    """
    seconds = max(1, math.ceil(patience / 2))
    settings: dict[str, Any] = {
        "application_name": "cmf-hub",
        "connect_timeout": max(2, seconds),
        "target_session_attrs": "read-write",
        "keepalives_idle": seconds,
        "keepalives_interval": seconds,
        "keepalives_count": 1,
        "tcp_user_timeout": seconds * 1000,
        **_parsed(url),
    }
    session = psycopg.connect(**settings, autocommit=True)
    try:
        # The server waits for longer than we do: when it frees the lock, we have stopped.
        session.execute(f"SET tcp_keepalives_idle = {4 * seconds}")
        session.execute(f"SET tcp_keepalives_interval = {seconds}")
        session.execute("SET tcp_keepalives_count = 1")
        session.execute("SET synchronous_commit = on")
    except BaseException:
        session.close()
        raise
    return session


@contextmanager
def explained(name: str) -> Iterator[None]:
    """Name the database in the errors of PostgreSQL."""
    try:
        yield
    except psycopg.Error as error:
        raise StoreError(f"The database {name} cannot be used: {str(error).strip()}") from error


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:  # its message shows what is given, password included
        raise StoreError(
            "CMF_DATABASE_URL is no address of PostgreSQL: give postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with "
            "what is special in user or password as %XX"
        ) from None


def _locked(session: psycopg.Connection) -> bool:
    row = session.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    return row is not None and bool(row[0])
