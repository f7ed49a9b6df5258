"""Schema versions, and copies of the database."""

import sqlite3
import stat
from pathlib import Path

import pytest
from cmf_hub.store import (
    Condition,
    Key,
    Orphan,
    Query,
    Record,
    Store,
    StoreError,
    Transaction,
)
from cmf_hub.store.files import backup, migrate, restore
from cmf_hub.store.schema import NEWEST

NOW = "2026-01-01T00:00:00.000Z"
FIRST_SCHEMA = """
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
INSERT INTO resource VALUES ('Statement', 'env', 'kept', 'u', 1, 'now', 'now', '{}', NULL, 0, 0);
INSERT INTO orphan VALUES ('spoke', 'FlinkApplication', 'flink', 'app', 'uid', 'then');
PRAGMA user_version = 1;
"""


def foreign(path: Path, script: str) -> Path:
    connection = sqlite3.connect(path)
    connection.executescript(script)
    connection.close()
    return path


async def written(store: Store, name: str) -> None:
    def work(transaction: Transaction) -> None:
        transaction.put(Record(Key("Statement", "env", name), name, 1, NOW, NOW, {}))

    await store.transact(work)


async def names(path: Path) -> list[str]:
    store = await Store.open(path)
    found = [record.name for record in store.list("Statement")]
    await store.close()
    return found


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_the_first_schema_becomes_the_newest_and_loses_nothing(tmp_path: Path) -> None:
    path = foreign(tmp_path / "hub.db", FIRST_SCHEMA)
    labelled = """INSERT INTO resource VALUES ('Statement', 'env', 'labelled', 'u', 1, 'now', 'now',
        '{"metadata": {"labels": {"team": "red"}}}', '{"phase": "RUNNING"}', 0, 0)"""
    foreign(path, labelled)
    assert migrate(path) == (1, NEWEST)
    assert migrate(path) == (NEWEST, NEWEST)
    store = await Store.open(path)
    assert [record.name for record in store.list("Statement")] == ["kept", "labelled"]
    for field, value in ((("metadata", "labels", "team"), "red"), (("status", "phase"), "RUNNING")):
        found = store.page(Query("Statement", "env", [Condition((field,), "in", (value,))]))
        assert [row.key.name for row in found] == ["labelled"]
    assert store.orphans("spoke") == [Orphan("spoke", "FlinkApplication", "flink", "app", "uid", "then", "")]
    await store.close()


def test_a_missing_database_is_made(tmp_path: Path) -> None:
    assert migrate(tmp_path / "hub.db") == (0, NEWEST)
    assert stat.S_IMODE((tmp_path / "hub.db").stat().st_mode) == 0o600


@pytest.mark.parametrize("script", ["CREATE TABLE photo (x)", "CREATE TABLE photo (x); PRAGMA user_version = 1"])
async def test_a_database_of_another_program_is_refused_and_stays_as_it_was(tmp_path: Path, script: str) -> None:
    path = foreign(tmp_path / "photos.db", script)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="was not made by cmf-hub"):
        migrate(path)
    with pytest.raises(StoreError, match="was not made by cmf-hub"):
        await Store.open(path)
    with pytest.raises(StoreError, match="was not made by cmf-hub"):
        restore(tmp_path / "hub.db", path)
    assert path.read_bytes() == before
    assert not (tmp_path / "hub.db").exists()


async def test_a_backup_has_what_was_written_while_the_hub_runs(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.db")
    await written(store, "before")
    backup(tmp_path / "hub.db", tmp_path / "copy.db")
    await written(store, "after")
    await store.close()
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600
    assert left_in(tmp_path) == ["copy.db", "hub.db", "hub.db.lock"]
    backup(tmp_path / "hub.db", tmp_path / "stopped.db")
    assert await names(tmp_path / "copy.db") == ["before"]
    assert await names(tmp_path / "stopped.db") == ["after", "before"]


async def test_restore_keeps_the_former_database(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = await Store.open(path)
    await written(store, "first")
    backup(path, tmp_path / "copy.db")
    await written(store, "second")
    with pytest.raises(StoreError, match="in use by another cmf-hub"):
        restore(path, tmp_path / "copy.db")
    await store.close()
    aside = restore(path, tmp_path / "copy.db")
    assert await names(path) == ["first"]
    assert aside is not None
    assert await names(aside) == ["first", "second"]


async def test_restore_keeps_what_a_killed_hub_had_only_in_its_log(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = await Store.open(path)
    await written(store, "logged")
    backup(path, tmp_path / "copy.db")
    killed = tmp_path / "killed"
    killed.mkdir()
    for ending in ("", "-wal", "-shm"):  # as they are on disk while the hub runs
        (killed / f"hub.db{ending}").write_bytes(path.with_name(f"hub.db{ending}").read_bytes())
    await store.close()
    aside = restore(killed / "hub.db", tmp_path / "copy.db")
    assert aside is not None
    assert await names(aside) == ["logged"]
    assert await names(killed / "hub.db") == ["logged"]


async def test_restore_makes_a_database_where_there_was_none(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.db")
    await written(store, "kept")
    await store.close()
    backup(tmp_path / "hub.db", tmp_path / "copy.db")
    assert restore(tmp_path / "new" / "hub.db", tmp_path / "copy.db") is None
    assert await names(tmp_path / "new" / "hub.db") == ["kept"]


async def test_a_copy_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    await (await Store.open(path)).close()
    (tmp_path / "letter").write_text("this is a letter, not a database" * 100)
    (tmp_path / "empty").touch()
    for copy, text in (("letter", "is not a database"), ("empty", "is empty"), ("missing", "There is no database")):
        with pytest.raises(StoreError, match=text):
            restore(path, tmp_path / copy)
    with pytest.raises(StoreError, match="letter exists: give a name that is free"):
        backup(path, tmp_path / "letter")
    with pytest.raises(StoreError, match="There is no database"):
        backup(tmp_path / "missing", tmp_path / "copy")
    with pytest.raises(StoreError, match="cannot be opened"):
        backup(path, tmp_path / "no-folder" / "copy")
    assert left_in(tmp_path) == ["empty", "hub.db", "hub.db.lock", "letter"]


async def test_a_damaged_database_is_no_backup(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    store = await Store.open(path)
    for number in range(300):
        await written(store, f"n{number:03}")
    await store.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 * 4 : 4096 * 8] = b"\xff" * 4096 * 4
    path.write_bytes(damaged)
    with pytest.raises(StoreError, match=r"damaged|cannot be used"):
        backup(path, tmp_path / "copy.db")
    assert left_in(tmp_path) == ["hub.db", "hub.db.lock"]
