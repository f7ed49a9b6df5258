"""SQLite as the hub's store: one writer thread with group commit, reads beside it.

Every change runs in the writer thread, in a savepoint of its own inside a transaction that takes in
whatever waits at that moment; one flush to disk then serves them all (`synchronous=FULL`: what was
acknowledged survives a power cut). Reads use a second, read-only connection in the event loop's
thread; each takes microseconds.

With PostgreSQL behind it (`Store.copy_of`), the database is a copy in a temporary folder, and a commit is first made
there.
"""

from __future__ import annotations

import asyncio
import os
import queue
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import apsw

from cmf_hub.store.files import create, lock
from cmf_hub.store.postgres import Postgres
from cmf_hub.store.schema import KEPT, StoreError, upgrade
from cmf_hub.store.transaction import Reader, Transaction

T = TypeVar("T")

_BATCH = 256
"""Changes that one commit takes in at most, so that none waits long behind the others."""


class _Job(NamedTuple):
    """A change that waits for the writer, and who waits for it."""

    work: Callable[[Transaction], Any]
    done: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop


class Store(Reader):
    """The open database. Reads are plain calls from the event loop's thread; changes go through `transact`."""

    def __init__(
        self, reader: apsw.Connection, writer: apsw.Connection, held: ExitStack, primary: Postgres | None = None
    ) -> None:
        super().__init__(reader)
        self._writer = writer
        self._held = held
        self._primary = primary
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
        with ExitStack() as held:
            held.callback(os.close, lock(path))
            try:
                create(path)
                writer = apsw.Connection(str(path))
                held.callback(writer.close)
                writer.execute("PRAGMA busy_timeout = 5000").fetchall()
                upgrade(writer, path)  # first, so that a file of another program stays as it is
                _prepare(writer, "journal_mode = WAL", "synchronous = FULL", "secure_delete = ON")
                return cls(_reader(path, held), writer, held.pop_all())
            except apsw.Error as error:
                raise StoreError(f"The database {path} cannot be opened: {error}") from error

    @classmethod
    async def copy_of(cls, primary: Postgres) -> Store:
        """Copy a PostgreSQL database that this hub leads, and open the copy; closing it ends the session too.

        Raises:
            StoreError: PostgreSQL cannot be read, or a newer hub wrote it.
        """
        return await asyncio.to_thread(cls._copy_of, primary)

    @classmethod
    def _copy_of(cls, primary: Postgres) -> Store:
        with ExitStack() as held:
            held.callback(primary.close)
            path = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="cmf-hub-"))) / "copy.db"
            try:
                create(path)
                writer = apsw.Connection(str(path))
                held.callback(writer.close)
                # Nothing of the copy need survive: the next hub makes its own.
                _prepare(writer, "journal_mode = WAL", "synchronous = OFF")
                primary.load(writer, path)
                return cls(_reader(path, held), writer, held.pop_all(), primary)
            except apsw.Error as error:
                raise StoreError(f"The copy {path} of the database cannot be written: {error}") from error

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
        if self._primary is not None:
            self._primary.interrupt()
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._held.close)

    def _write(self) -> None:
        """Carry out batches until the end of the queue; runs in the writer's thread."""
        ended = False
        while not ended:
            batch: list[_Job] = []
            job = self._next()
            while job is not None:
                batch.append(job)
                if len(batch) == _BATCH or self._jobs.empty():
                    break
                job = self._jobs.get()
            ended = job is None
            if batch:
                self._commit(batch)

    def _next(self) -> _Job | None:
        """Wait for a change; meanwhile, see from time to time that PostgreSQL still holds our lock."""
        while self._primary is not None:
            try:
                return self._jobs.get(timeout=self._primary.ping_seconds)
            except queue.Empty:
                with suppress(StoreError):  # `on_lost` is told of it
                    self._primary.ping()
        return self._jobs.get()

    def _commit(self, batch: list[_Job]) -> None:
        results: list[tuple[_Job, Any, BaseException | None]] = []
        session = None if self._primary is None else _session(self._writer)
        try:
            with _Immediate(self._writer):
                for job in batch:
                    results.append((job, *self._attempt(job.work)))
                if self._primary is not None and session is not None and (changes := session.changeset()):
                    self._primary.commit(changes)
        except apsw.Error as error:
            if self._primary is not None:
                self._primary.give_up(error)
            results = [(job, None, _failure(error)) for job in batch]
        except StoreError as error:
            results = [(job, None, error) for job in batch]
        finally:
            if session is not None:
                session.close()
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


def _session(writer: apsw.Connection) -> apsw.Session:
    """Begin to record what changes in the tables that are kept."""
    session = apsw.Session(writer, "main")
    for table in KEPT:
        session.attach(table)
    return session


def _reader(path: Path, held: ExitStack) -> apsw.Connection:
    reader = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    held.callback(reader.close)
    reader.execute("PRAGMA busy_timeout = 5000").fetchall()
    return reader


def _prepare(writer: apsw.Connection, *pragmas: str) -> None:
    for pragma in (*pragmas, "trusted_schema = OFF"):
        writer.execute(f"PRAGMA {pragma}").fetchall()


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
