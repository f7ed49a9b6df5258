"""PostgreSQL as the hub's database: who leads, what survives a broken connection, and copies of it."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cmf_hub.store import (
    Ddl,
    FileDatabase,
    Key,
    LeadershipLost,
    Orphan,
    Postgres,
    PostgresDatabase,
    Query,
    Store,
    StoreError,
)
from cmf_hub.store.schema import NEWEST

from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.records import NOW, appending, entry, names, putting, record
from tests.support.relay import Relay, relay_to
from tests.support.wait import eventually


@pytest.fixture
def database(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture
def relay(postgres: PostgresServer) -> Iterator[Relay]:
    with relay_to(postgres.port) as running:
        yield running


async def led(url: str, patience: float = 10) -> Store:
    primary = Postgres.take(url, patience)
    assert primary is not None, "another hub leads"
    return await Store.copy_of(primary)


async def filled(url: str) -> None:
    """Put something of everything into a database."""
    store = await led(url)
    try:
        ddl = Ddl("env", "", "", "CREATE TABLE t (a INT)")
        await store.transact(putting(record("kept", labels={"team": "red", "ü": "'\"\\"}, status={"phase": "RUNNING"})))
        await store.transact(putting(record("changed"), record("gone"), record("kept", scope="other")))
        await store.transact(putting(record("changed", labels={"team": "blue"}, dirty=True, private={"nonce": 1})))
        await store.transact(lambda transaction: transaction.delete(Key("Statement", "env", "gone")))
        await store.transact(appending(*(entry(f"e{number}", "uid-kept") for number in range(5)), keep=3))
        await store.transact(lambda transaction: transaction.add_ddl(ddl))
        await store.transact(lambda transaction: transaction.add_orphan(ORPHAN))
    finally:
        await store.close()


ORPHAN = Orphan("spoke", "FlinkApplication", "flink", "app", "uid", NOW, "env")


def everything(store: Store) -> None:
    """Assert that a store has what `filled` put there, and nothing else."""
    assert [str(each.key) for each in store.list("Statement")] == [
        "Statement env/changed", "Statement env/kept", "Statement other/kept",
    ]  # fmt: skip
    changed = record("changed", labels={"team": "blue"}, dirty=True, private={"nonce": 1})
    assert store.get(changed.key) == changed
    assert names(store, "uid-kept") == ["e4", "e3", "e2"]
    assert [each.statement for each in store.ddl("env")] == ["CREATE TABLE t (a INT)"]
    assert store.orphans("spoke") == [ORPHAN]
    assert store.tally(Query("Statement"), ("status", "phase")) == {"": 2, "RUNNING": 1}


async def test_the_next_leader_has_all_that_was_acknowledged(postgres: PostgresServer, database: str) -> None:
    await filled(postgres.url(database))
    store = await led(postgres.url(database))
    everything(store)
    assert store.dirty() == [Key("Statement", "env", "changed")]
    await store.close()


async def test_one_hub_leads_at_a_time(postgres: PostgresServer, database: str) -> None:
    url = postgres.url(database)
    store = await led(url)
    assert Postgres.take(url, 10) is None
    other = postgres.new_database()
    await (await led(postgres.url(other))).close()
    await store.close()
    await (await led(url)).close()


async def test_a_leader_whose_session_ends_goes_on(postgres: PostgresServer, database: str) -> None:
    store = await led(postgres.url(database))
    await store.transact(putting(record("before")))
    postgres.end_sessions_of_hubs(database)
    await store.transact(putting(record("after")))
    await store.close()
    store = await led(postgres.url(database))
    assert [each.name for each in store.list("Statement")] == ["after", "before"]
    await store.close()


@pytest.mark.parametrize("lost", [b"UPDATE", b"COMMIT"])
async def test_a_commit_whose_answer_is_lost_happens_once(
    postgres: PostgresServer, database: str, relay: Relay, lost: bytes
) -> None:
    store = await led(postgres.url(database, relay.port))
    await store.transact(putting(record("before")))
    relay.lose_answer_to(lost)
    await store.transact(appending(entry("once")))
    assert relay.lost.is_set()
    await store.transact(putting(record("after")))
    assert names(store) == ["once"]
    await store.close()
    with postgres.session(database) as session:
        assert session.execute("SELECT commits FROM cmf_hub.hub").fetchone() == (3,)
    store = await led(postgres.url(database))
    assert names(store) == ["once"]
    assert [each.name for each in store.list("Statement")] == ["after", "before"]
    await store.close()


async def test_a_leader_that_another_one_followed_writes_nothing_more(
    postgres: PostgresServer, database: str, relay: Relay
) -> None:
    first, told = await following(postgres.url(database, relay.port), patience=30)
    await first.transact(putting(record("first")))
    relay.cut(off=True)
    late = asyncio.ensure_future(first.transact(putting(record("late"))))
    second = await led_when_free(postgres.url(database))
    await second.transact(putting(record("second")))
    relay.cut(off=False)
    await second.close()  # the lock is free again: it is the number of leaders that keeps the first one out
    with pytest.raises(LeadershipLost, match="another one has led meanwhile") as lost:
        await late
    assert (lost.value.status, lost.value.retry_after) == (503, 1)
    assert told.wait(10)
    with pytest.raises(LeadershipLost):
        await first.transact(putting(record("later")))
    assert [each.name for each in first.list("Statement")] == ["first"]
    await first.close()
    third = await led(postgres.url(database))
    assert [each.name for each in third.list("Statement")] == ["first", "second"]
    await third.close()


async def following(url: str, patience: float) -> tuple[Store, threading.Event]:
    """Lead, and be told when that ends."""
    told = threading.Event()
    primary = Postgres.take(url, patience)
    assert primary is not None
    primary.on_lost = lambda _: told.set()
    return await Store.copy_of(primary), told


async def led_when_free(url: str) -> Store:
    primary = await eventually(lambda: Postgres.take(url, 10), "the lock to be free")
    assert primary is not None
    return await Store.copy_of(primary)


async def test_an_idle_leader_notices_that_its_database_is_away(
    postgres: PostgresServer, database: str, relay: Relay
) -> None:
    store, told = await following(postgres.url(database, relay.port), patience=0.5)
    await store.transact(putting(record("kept")))
    relay.cut(off=True)
    assert await asyncio.to_thread(told.wait, 30)
    with pytest.raises(LeadershipLost, match=r"no connection to its database .* for 0.5 s"):
        await store.transact(putting(record("late")))
    assert [each.name for each in store.list("Statement")] == ["kept"], "reads go on"
    await store.close()


async def test_a_change_that_the_database_refuses_leaves_no_trace(postgres: PostgresServer, database: str) -> None:
    store = await led(postgres.url(database))
    with postgres.session(database) as session:
        session.execute("ALTER TABLE cmf_hub.resource ADD CHECK (name <> 'refused')")
    with pytest.raises(StoreError, match="cannot be written"):
        await store.transact(putting(record("refused")))
    await store.transact(putting(record("taken")))
    assert [each.name for each in store.list("Statement")] == ["taken"]
    await store.close()


async def test_a_database_of_an_older_hub_is_brought_up_to_date(postgres: PostgresServer, database: str) -> None:
    await filled(postgres.url(database))
    with postgres.session(database) as session:  # what the third version of the schema did not have
        session.execute("DROP TABLE cmf_hub.ddl")
        session.execute("ALTER TABLE cmf_hub.resource DROP COLUMN private, DROP COLUMN state")
        session.execute("UPDATE cmf_hub.hub SET version = 3")
    assert PostgresDatabase(postgres.url(database), 10).migrate() == (3, NEWEST)
    assert PostgresDatabase(postgres.url(database), 10).migrate() == (NEWEST, NEWEST)
    store = await led(postgres.url(database))
    assert store.tally(Query("Statement"), ("status", "phase")) == {"": 2, "RUNNING": 1}
    await store.transact(lambda transaction: transaction.add_ddl(Ddl("env", "", "", "x")))
    await store.close()


async def test_a_database_of_a_newer_hub_is_refused(postgres: PostgresServer, database: str) -> None:
    await filled(postgres.url(database))
    with postgres.session(database) as session:
        session.execute("UPDATE cmf_hub.hub SET version = 99")
    with pytest.raises(StoreError, match=r"schema 99.*newer cmf-hub"):
        await led(postgres.url(database))
    with postgres.session(database) as session:
        assert session.execute("SELECT version FROM cmf_hub.hub").fetchone() == (99,)


async def test_a_backup_moves_a_hub_to_postgresql_and_back(
    postgres: PostgresServer, database: str, tmp_path: Path
) -> None:
    await filled(postgres.url(database))
    leading = await led(postgres.url(database))
    PostgresDatabase(postgres.url(database), 10).backup(tmp_path / "backup.db")  # also while a hub leads
    await leading.close()
    FileDatabase(tmp_path / "hub.db").restore(tmp_path / "backup.db")
    store = await Store.open(tmp_path / "hub.db")
    everything(store)
    await store.close()
    FileDatabase(tmp_path / "hub.db").backup(tmp_path / "again.db")
    other = postgres.url(postgres.new_database())
    PostgresDatabase(other, 10).restore(tmp_path / "again.db")
    store = await led(other)
    everything(store)
    await store.close()


async def test_a_backup_replaces_no_resources(postgres: PostgresServer, database: str, tmp_path: Path) -> None:
    given = PostgresDatabase(postgres.url(database), 10)
    with pytest.raises(StoreError, match="is empty: no cmf-hub has used it"):
        given.backup(tmp_path / "backup.db")
    await filled(postgres.url(database))
    given.backup(tmp_path / "backup.db")
    with pytest.raises(StoreError, match=r"has resources already.*nothing was changed"):
        given.restore(tmp_path / "backup.db")
    with pytest.raises(StoreError, match="exists: give a name that is free"):
        given.backup(tmp_path / "backup.db")
    store = await led(postgres.url(database))
    everything(store)
    with pytest.raises(StoreError, match="is in use by a cmf-hub"):
        given.restore(tmp_path / "backup.db")
    with pytest.raises(StoreError, match="is in use by a cmf-hub"):
        given.migrate()
    await store.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://cmf:{PASSWORD}@127.0.0.1:port/hub",
        f"mysql://cmf:{PASSWORD}@db/hub",
        f"host=db password='{PASSWORD}",
        "postgresql://cmf:{password}@127.0.0.1:{port}/absent",
        "postgresql://nobody:{password}@127.0.0.1:{port}/postgres",
        "postgresql://cmf:{password}@127.0.0.1:1/postgres",
    ],
)
def test_an_address_that_cannot_be_used_is_told_without_its_password(postgres: PostgresServer, url: str) -> None:
    given = url.format(port=postgres.port, password="not%20to%20be%20se%25en")
    with pytest.raises(StoreError, match=r"CMF_DATABASE_URL is no address|cannot be used") as told:
        Postgres.take(given, 1)
    chain: BaseException | None = told.value
    while chain is not None:
        assert "not to be" not in str(chain)
        assert "not%20to%20be" not in str(chain)
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)


async def test_what_a_copy_holds_is_closed_and_removed(
    postgres: PostgresServer, database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = await led(postgres.url(database))
    assert modes(tmp_path) == {0o700}
    await store.close()
    assert modes(tmp_path) == set()


def modes(folder: Path) -> set[int]:
    return {path.stat().st_mode & 0o777 for path in folder.iterdir()}
