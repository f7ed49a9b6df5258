"""What is done to a database that is not served: migration, backup and restore.

A backup is a file of SQLite, whatever the database is: so it is also the way from one engine to the other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw
from psycopg import IsolationLevel

from cmf_hub.store import files
from cmf_hub.store.postgres import Postgres, connect, described, explained
from cmf_hub.store.schema import NEWEST, StoreError
from cmf_hub.store.tables import Tables


class FileDatabase:
    """A database as a file of SQLite."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path

    def migrate(self) -> tuple[int, int]:
        """Bring its schema to the newest version, as `files.migrate`."""
        return files.migrate(self._path)

    def backup(self, file: Path) -> None:
        """Copy it, as `files.backup`."""
        files.backup(self._path, file)

    def restore(self, file: Path) -> Path | None:
        """Put a backup in its place, as `files.restore`."""
        return files.restore(self._path, file)


class PostgresDatabase:
    """A database of PostgreSQL.

    Args:
        url: its address.
        patience: seconds, as `Postgres.take` has it.

    Raises:
        StoreError: that is no address.
    """

    def __init__(self, url: str, patience: float) -> None:
        self.name = described(url)
        self._url, self._patience = url, patience

    def migrate(self) -> tuple[int, int]:
        """Bring its schema to the newest version; no hub may lead.

        Returns:
            The version before (0: there was none) and now.

        Raises:
            StoreError: a hub leads, or it cannot be used.
        """
        with self._led() as primary, _file() as file, _opened(file) as copy:
            return primary.load(copy, file), NEWEST

    def backup(self, file: Path) -> None:
        """Copy it as of one moment to a file of SQLite, also while a hub leads.

        Raises:
            StoreError: it is empty or cannot be read, or the file exists or cannot be written.
        """
        with _file() as partial:
            with explained(self.name), connect(self._url, self._patience) as session, _opened(partial) as copy:
                session.isolation_level = IsolationLevel.REPEATABLE_READ
                with session.transaction():
                    if not Tables(session, self.name).read_all(copy, partial):
                        raise StoreError(f"The database {self.name} is empty: no cmf-hub has used it")
            files.backup(partial, file)

    def restore(self, file: Path) -> None:
        """Put a backup into it, which no hub may lead and which may not have resources.

        Raises:
            StoreError: a hub leads, it has resources, or the file is not a hub's database or cannot be read.
        """
        with self._led() as primary, _file() as checked:
            files.restore(checked, file)
            files.migrate(checked)
            with _opened(checked) as source:
                primary.replace(source)

    @contextmanager
    def _led(self) -> Iterator[Postgres]:
        primary = Postgres.take(self._url, self._patience)
        if primary is None:
            raise StoreError(f"The database {self.name} is in use by a cmf-hub: stop it first")
        try:
            yield primary
        finally:
            primary.close()


@contextmanager
def _file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="cmf-hub-") as folder:
        yield Path(folder) / "copy.db"


@contextmanager
def _opened(file: Path) -> Iterator[apsw.Connection]:
    files.create(file)
    connection = apsw.Connection(str(file))
    try:
        yield connection
    finally:
        connection.close()
