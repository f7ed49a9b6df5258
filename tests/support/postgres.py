"""A real PostgreSQL server, if the machine has one, and empty databases on it."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cmf_localfleet.ports import free_port
from cmf_localfleet.processes import end_with_parent

from tests.support.wait import wait_for

PASSWORD = "not to be se%en"
_URL_PASSWORD = "not%20to%20be%20se%25en"


class PostgresServer:
    """A server of the tests' own."""

    def __init__(self, folder: Path) -> None:
        self._data, self.port = folder / "data", free_port()
        self._numbers = count(1)
        # The server refuses to be root.
        self._user: dict[str, Any] = (
            {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        )
        if self._user:
            shutil.chown(folder, "nobody", "nogroup")
        secret = folder / "password"
        secret.write_text(PASSWORD)
        secret.chmod(0o444)
        # What it says is of no use, and a pipe would have to be read.
        subprocess.run(
            [_found("initdb"), f"--pgdata={self._data}", "--no-sync", "--username=cmf", "--auth=scram-sha-256",
             f"--pwfile={secret}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=120, **self._user,
        )  # fmt: skip

    def start(self) -> None:
        """Start the server, and wait until it takes connections; it ends with this process, however that ends."""
        settings = (
            "listen_addresses=127.0.0.1",
            f"port={self.port}",
            f"unix_socket_directories={self._data}",
            "fsync=off",
        )
        options = [text for setting in settings for text in ("-c", setting)]
        self._process = subprocess.Popen(
            [_found("postgres"), "-D", self._data, *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=end_with_parent, **self._user,
        )  # fmt: skip
        wait_for(self._answers, "PostgreSQL to answer")

    def _answers(self) -> bool:
        assert self._process.poll() is None, f"PostgreSQL ended: {self._process.returncode}"
        try:
            self.session("postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """End all sessions, and stop the server."""
        self._process.send_signal(signal.SIGINT)
        self._process.wait(timeout=60)

    def url(self, database: str, port: int | None = None) -> str:
        """Return the address of a database, by another port if there is something in between."""
        return f"postgresql://cmf:{_URL_PASSWORD}@127.0.0.1:{port or self.port}/{database}"

    def new_database(self) -> str:
        """Make an empty database, and return its name."""
        name = f"hub{next(self._numbers)}"
        with self.session("postgres") as session:
            session.execute(f"CREATE DATABASE {name}")
        return name

    def session(self, database: str) -> psycopg.Connection:
        """Open a session of the tests' own."""
        return psycopg.connect(self.url(database), autocommit=True)

    def end_sessions_of_hubs(self, database: str) -> None:
        """Cut every hub off, as a fail-over of the database does."""
        with self.session(database) as session:
            session.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE application_name = 'cmf-hub' AND datname = %s",
                (database,),
            )


def _found(command: str) -> str:
    found = shutil.which(command) or next(map(str, sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{command}"))), None)
    if found is None:
        pytest.skip(f"no PostgreSQL server on this machine: {command} is not on PATH")
    return found


@contextmanager
def running_postgres() -> Iterator[PostgresServer]:
    """Run a server until the end of the block; skip the test where there is none."""
    _found("initdb")
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:  # pytest's own folders are closed to its user
        server = PostgresServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()
