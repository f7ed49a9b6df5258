"""Settings of the database and of the encryption of secrets in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr

from cmf_hub.settings.group import Cmf, Group, OptionalPath


class Storage(Group):
    """Database and encryption."""

    database: Path = Path("cmf.db")
    """SQLite file, created if it is not there. Not on NFS: SQLite's locks do not work there."""

    database_url: SecretStr | None = None
    """PostgreSQL instead of that file, as libpq takes it: postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Then more than
    one hub may run: one leads, the others stand by. Not through a pooler that shares sessions (PgBouncer's transaction
    mode), because the leader's lock is its session's."""

    database_patience_seconds: Annotated[float, Field(gt=0)] = 10
    """Seconds for which a leader tries to get back a broken connection to PostgreSQL before it stops. PostgreSQL frees
    the lock of a leader that it does not hear of after about two and a half times as long."""

    encryption_key_file: OptionalPath = None
    """File with the AES-GCM keys of secrets: 16 or 32 random bytes in base64 a line. The first encrypts, all decrypt.
    To rotate, put a new key first and restart: the hub then encrypts everything anew, and the old line can go."""

    encryption_keys: SecretStr | None = None
    """The same keys separated by commas, where a file is not possible; they come after those of the file."""

    sql_production: Annotated[bool, Cmf("cmf.sql.production", "encryption.enabled")] = True
    """Secrets are only stored encrypted: without a key they are refused. false stores them in the clear where there is
    no key, for tests (E36)."""
