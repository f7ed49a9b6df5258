"""SQLite as the hub's store: one writer thread with group commit, reads beside it.

Every change runs in the writer thread, in a savepoint of its own inside a transaction that takes in
whatever waits at that moment; one flush to disk then serves them all (`synchronous=FULL`: what was
acknowledged survives a power cut). Reads use a second, read-only connection in the event loop's
thread; each takes microseconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import queue
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from cmf_hub.store.files import create, lock
from cmf_hub.store.history import History, HistoryChanges, text_of
from cmf_hub.store.query import Field, Query, order_by, value_of, where
from cmf_hub.store.record import Ddl, Key, Orphan, Record, Row
from cmf_hub.store.schema import StoreError, upgrade

T = TypeVar("T")

_COLUMNS = "kind, scope, name, uid, generation, created, updated, document, status, deleting, dirty, instance, private"
_WRITTEN = f"{_COLUMNS}, state".split(", ")
_PUT = (
    f"INSERT INTO resource ({', '.join(_WRITTEN)}) VALUES ({', '.join('?' * len(_WRITTEN))}) "  # noqa: S608
    f"ON CONFLICT (kind, scope, name) DO UPDATE SET {', '.join(f'{each} = excluded.{each}' for each in _WRITTEN[3:])}"
)
_BATCH = 256
"""Changes that one commit takes in at most, so that none waits long behind the others."""


class _Reader:
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


class Transaction(_Reader):
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


class _Job(NamedTuple):
    """A change that waits for the writer, and who waits for it."""

    work: Callable[[Transaction], Any]
    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Store(_Reader):
    """The open database. Reads are plain calls from the event loop's thread; changes go through `transact`."""

    def __init__(self, reader: apsw.Connection, writer: apsw.Connection, lock: int) -> None:
        super().__init__(reader)
        self._writer = writer
        self._lock = lock
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="store-writer", daemon=True)
        self._thread.start()
        self._closed = False

    @classmethod
    async def open(cls, path: str | Path) -> Store:
        """Open the database, creating it if need be.

        Raises:
            StoreError: the file cannot be used, belongs to a newer hub, or another hub has it open.
        """
        return await asyncio.to_thread(cls._open, Path(path))

    @classmethod
    def _open(cls, path: Path) -> Store:
        path = path.absolute()
        held = lock(path)
        try:
            create(path)
            writer = apsw.Connection(str(path))
            writer.execute("PRAGMA busy_timeout = 5000").fetchall()
            upgrade(writer, path)  # first, so that a file of another program stays as it is
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
                writer.execute(f"PRAGMA {pragma}").fetchall()
            reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
            reader.execute("PRAGMA busy_timeout = 5000").fetchall()
        except apsw.Error as error:
            os.close(held)
            raise StoreError(f"The database {path} cannot be opened: {error}") from error
        except StoreError:
            os.close(held)
            raise
        return cls(reader, writer, held)

    async def transact(self, work: Callable[[Transaction], T]) -> T:
        """Run a change and return its result once it is safely on disk.

        An exception of `work` undoes only that change and is raised here. `work` runs in the writer's
        thread: it must not touch anything but its arguments and the transaction.

        Raises:
            StoreError: the database cannot be written; nothing of the change happened.
        """
        if self._closed:
            raise StoreError("The database is closed: the hub is shutting down")
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(work, done, loop))
        return await done

    async def close(self) -> None:
        """Finish what was asked for, then close. A second call does nothing."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        self._connection.close()
        self._writer.close()
        os.close(self._lock)

    def _write(self) -> None:
        """Carry out batches until the end of the queue; runs in the writer's thread."""
        ended = False
        while not ended:
            batch: list[_Job] = []
            job = self._jobs.get()
            while job is not None:
                batch.append(job)
                if len(batch) == _BATCH or self._jobs.empty():
                    break
                job = self._jobs.get()
            ended = job is None
            if batch:
                self._commit(batch)

    def _commit(self, batch: list[_Job]) -> None:
        results: list[tuple[_Job, Any, BaseException | None]] = []
        try:
            with _Immediate(self._writer):
                for job in batch:
                    results.append((job, *self._attempt(job.work)))
        except apsw.Error as error:
            results = [(job, None, _failure(error)) for job in batch]
        for loop in {job.loop for job, _, _ in results}:
            ended = [(job.done, value, exception) for job, value, exception in results if job.loop is loop]
            with suppress(RuntimeError):  # the callers' loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_resolve, ended)

    def _attempt(self, work: Callable[[Transaction], Any]) -> tuple[Any, BaseException | None]:
        """Run one change in its savepoint; a failed one leaves no trace."""
        try:
            with self._writer:  # inside a transaction, apsw makes this a savepoint
                value = work(Transaction(self._writer))
        except Exception as exception:
            if not self._writer.in_transaction:  # SQLite gave the whole batch up: the disk is full or broken
                raise
            return None, _failure(exception) if isinstance(exception, apsw.Error) else exception
        return value, None


class _Immediate:
    """BEGIN IMMEDIATE ... COMMIT, or ROLLBACK if the block fails."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def __enter__(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._connection.execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")


def _failure(error: apsw.Error) -> StoreError:
    failure = StoreError(f"The database cannot be written: {error}")
    failure.__cause__ = error
    return failure


def _resolve(ended: Iterable[tuple[asyncio.Future[Any], Any, BaseException | None]]) -> None:
    for future, value, exception in ended:
        if future.cancelled():
            continue
        if exception is not None:
            future.set_exception(exception)
        else:
            future.set_result(value)


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
