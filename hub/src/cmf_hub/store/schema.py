"""Form of the database: one migration a version, each carried out once and never changed afterwards."""

from __future__ import annotations

from pathlib import Path

import apsw
from cmf_core.errors import ServerError

_MIGRATIONS = (
    """
CREATE TABLE resource (
    kind TEXT NOT NULL, scope TEXT NOT NULL, name TEXT NOT NULL,
    uid TEXT NOT NULL, generation INTEGER NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL,
    document TEXT NOT NULL, status TEXT, deleting INTEGER NOT NULL, dirty INTEGER NOT NULL,
    PRIMARY KEY (kind, scope, name)
) WITHOUT ROWID;
CREATE INDEX resource_dirty ON resource (dirty) WHERE dirty;
CREATE TABLE orphan (
    cluster TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    uid TEXT NOT NULL, since TEXT NOT NULL,
    PRIMARY KEY (cluster, kind, namespace, name)
) WITHOUT ROWID;
""",
    "ALTER TABLE orphan ADD COLUMN environment TEXT NOT NULL DEFAULT '';",
    """
ALTER TABLE resource ADD COLUMN instance TEXT;
CREATE TABLE history (
    scope TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL, name TEXT NOT NULL,
    document TEXT NOT NULL, status TEXT NOT NULL,
    PRIMARY KEY (scope, kind, number)
) WITHOUT ROWID;
""",
    "ALTER TABLE resource ADD COLUMN private TEXT;",
    """
CREATE TABLE ddl (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    environment TEXT NOT NULL, catalog TEXT NOT NULL, database TEXT NOT NULL, statement TEXT NOT NULL
);
CREATE TRIGGER ddl_of_environment AFTER DELETE ON resource WHEN OLD.kind = 'Environment' BEGIN
    DELETE FROM ddl WHERE environment = OLD.name;
END;
CREATE TRIGGER ddl_of_database AFTER DELETE ON resource WHEN OLD.kind = 'KafkaDatabase' BEGIN
    DELETE FROM ddl WHERE catalog = OLD.scope AND database = OLD.name;
END;
""",
    # The table itself is ordered so, but to count there means to read all documents.
    "CREATE INDEX resource_name ON resource (kind, scope, name);",
    # What lists are filtered by: labels, and the state that a resource is in. Without, each filter reads all documents.
    # Labels that are no mapping (a damaged document) have no key.
    """
CREATE TABLE label (
    kind TEXT NOT NULL, scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, name TEXT NOT NULL,
    PRIMARY KEY (kind, scope, key, value, name)
) WITHOUT ROWID;
CREATE TRIGGER label_new AFTER INSERT ON resource BEGIN
    INSERT INTO label (kind, scope, key, value, name)
        SELECT NEW.kind, NEW.scope, key, value, NEW.name FROM json_each(NEW.document, '$.metadata.labels')
        WHERE key IS NOT NULL;
END;
CREATE TRIGGER label_changed AFTER UPDATE OF document ON resource WHEN OLD.document <> NEW.document BEGIN
    DELETE FROM label WHERE (kind, scope, key, value, name) IN (
        SELECT OLD.kind, OLD.scope, key, value, OLD.name FROM json_each(OLD.document, '$.metadata.labels'));
    INSERT INTO label (kind, scope, key, value, name)
        SELECT NEW.kind, NEW.scope, key, value, NEW.name FROM json_each(NEW.document, '$.metadata.labels')
        WHERE key IS NOT NULL;
END;
CREATE TRIGGER label_gone AFTER DELETE ON resource BEGIN
    DELETE FROM label WHERE (kind, scope, key, value, name) IN (
        SELECT OLD.kind, OLD.scope, key, value, OLD.name FROM json_each(OLD.document, '$.metadata.labels'));
END;
INSERT INTO label (kind, scope, key, value, name)
    SELECT kind, scope, json_each.key, json_each.value, name FROM resource, json_each(document, '$.metadata.labels')
    WHERE json_each.key IS NOT NULL;
ALTER TABLE resource ADD COLUMN state TEXT;
UPDATE resource SET state = coalesce(json_extract(status, '$.phase'), json_extract(status, '$.jobStatus.state'));
CREATE INDEX resource_state ON resource (kind, scope, state, name);
""",
)
NEWEST = len(_MIGRATIONS)
"""Version of the schema that this hub works with (SQLite's `user_version`); 0 is an empty file."""
KEPT = ("resource", "history", "orphan", "ddl")
"""Tables from which the others follow, by triggers."""


class StoreError(ServerError):
    """The database cannot be opened, read or written."""


def version_of(connection: apsw.Connection, path: Path) -> int:
    """Return the version of a database's schema.

    Raises:
        StoreError: it is of a newer hub, or of another program.
    """
    version = int(connection.execute("PRAGMA user_version").get)
    if version > NEWEST:
        raise StoreError(
            f"The database {path} has schema {version}, and this cmf-hub knows up to {NEWEST}: "
            "start the newer cmf-hub that wrote it"
        )
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if (version and "resource" not in tables) or (not version and tables):
        raise StoreError(f"The database {path} was not made by cmf-hub: choose another file with CMF_DATABASE")
    return version


def upgrade(connection: apsw.Connection, path: Path) -> int:
    """Bring a database to the newest version, all of it or nothing; return the version that it had.

    Raises:
        StoreError: as `version_of`.
    """
    version = version_of(connection, path)
    if version < NEWEST:
        migrate(connection, version, NEWEST)
    return version


def migrate(connection: apsw.Connection, version: int, target: int) -> None:
    """Bring a database from one version to another, all of it or nothing."""
    with connection:
        for migration in _MIGRATIONS[version:target]:
            connection.execute(migration)
        connection.execute(f"PRAGMA user_version = {target}")
