"""The database as a file: its lock, its migration, and copies of it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import apsw

from cmf_hub.store.schema import StoreError, upgrade, version_of

_BESIDE = ("", "-wal", "-shm")
"""Endings of the files that SQLite keeps for one database; what is not in the first yet is in the second."""


def lock(path: Path) -> int:
    """Take the lock file beside a database: two hubs on one file would act twice on every cluster.

    Returns:
        A descriptor; to close it frees the lock.

    Raises:
        StoreError: a hub has it, or the folder cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"The database {path} cannot be opened: {error.strerror or error}") from error
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(held)
        raise StoreError(
            f"The database {path} is in use by another cmf-hub: stop it, or choose another file with CMF_DATABASE"
        ) from None
    return held


def create(path: Path) -> None:
    """Make an empty file that only its owner can read, unless it is there: SQLite would let everybody read it.

    Raises:
        StoreError: it cannot be made or written.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"The database {path} cannot be opened: {error.strerror or error}") from error


def migrate(path: Path) -> tuple[int, int]:
    """Bring the schema of a database that no hub has open to the newest version; a missing one is made.

    Returns:
        The version before (0: there was none) and now.

    Raises:
        StoreError: a hub has it open, or it cannot be used.
    """
    path = path.absolute()
    with _locked(path), _explained(path):
        create(path)
        with _connected(path) as connection:
            return upgrade(connection, path), version_of(connection, path)


def backup(path: Path, copy: Path) -> None:
    """Copy a database as of one moment, also while a hub runs on it.

    Raises:
        StoreError: there is no such database, or the copy exists or cannot be written.
    """
    path, copy = path.absolute(), copy.absolute()
    if copy.exists():
        raise StoreError(f"{copy} exists: give a name that is free, backups are never overwritten")
    partial = _copied(path, copy)
    try:
        os.link(partial, copy)  # unlike a rename, it fails if somebody has made the file meanwhile
    except OSError as error:
        raise StoreError(f"{copy} cannot be written: {error.strerror}") from error
    finally:
        partial.unlink()


def restore(path: Path, copy: Path) -> Path | None:
    """Put a backup in the place of a database that no hub has open.

    Returns:
        Where the former database is now; None if there was none.

    Raises:
        StoreError: a hub has it open, or the copy is not a hub's database or cannot be read.
    """
    path = path.absolute()
    with _locked(path):
        partial = _copied(copy.absolute(), path)
        aside = path.with_name(f"{path.name}.replaced-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}")
        former = [ending for ending in _BESIDE if Path(f"{path}{ending}").exists()]
        with _explained(path):
            for ending in former:
                Path(f"{path}{ending}").rename(f"{aside}{ending}")
            partial.rename(path)
    return aside if former else None


def _copied(source: Path, target: Path) -> Path:
    """Copy a hub's database, checked and all in one file, to a new file beside `target`; return that file."""
    if not source.is_file():
        raise StoreError(f"There is no database {source}")
    partial = target.with_name(f"{target.name}.partial-{os.getpid()}")
    try:
        with _explained(source), _connected(source) as original:
            if version_of(original, source) == 0:
                raise StoreError(f"The database {source} is empty: no cmf-hub has used it")
            create(partial)
            with _explained(target), _connected(partial) as duplicate:
                with duplicate.backup("main", original, "main") as pages:
                    pages.step()  # all pages in one step, so of one moment
                duplicate.execute("PRAGMA journal_mode = DELETE").fetchall()
            with _connected(partial) as duplicate:
                damage = duplicate.execute("PRAGMA quick_check(1)").get
                if damage != "ok":
                    raise StoreError(f"The database {source} is damaged: {damage}")
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    return partial


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    held = lock(path)
    try:
        yield
    finally:
        os.close(held)


@contextmanager
def _connected(path: Path) -> Iterator[apsw.Connection]:
    """Open a database that is there, for writing if that can be: who only reads cannot clear its log away."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.execute("PRAGMA busy_timeout = 5000").fetchall()
        yield connection
    finally:
        connection.close()


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Name the file in the errors of SQLite and the system."""
    try:
        yield
    except apsw.NotADBError as error:
        raise StoreError(f"{path} is not a database of cmf-hub") from error
    except apsw.Error as error:
        raise StoreError(f"The database {path} cannot be used: {error}") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
