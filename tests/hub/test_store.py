import asyncio
import json
import sqlite3
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from cmf_hub.store import Condition, Key, Order, Orphan, Postgres, Query, Store, StoreError, Transaction
from cmf_hub.store.query import where

from tests.support.records import NOW, appending, entry, names, putting, record

on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@pytest.fixture(params=["sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "sqlite":
        opened = await Store.open(tmp_path / "hub.db")
    else:
        server = request.getfixturevalue("postgres")
        opened = await Store.copy_of(taken(server.url(server.new_database())))
    yield opened
    await opened.close()


def taken(url: str) -> Postgres:
    primary = Postgres.take(url, patience=10)
    assert primary is not None
    return primary


async def test_what_was_put_is_read_as_it_was(store: Store) -> None:
    full = record(
        "full",
        labels={"a.b/c": "ü"},
        spec={"parallelism": 3},
        status={"phase": "RUNNING"},
        deleting=True,
        dirty=True,
        instance="i",
    )
    await store.transact(putting(full))
    assert store.get(full.key) == full
    assert store.get(Key("Statement", "env", "absent")) is None


async def test_records_survive_a_restart(tmp_path: Path) -> None:
    first = await Store.open(tmp_path / "hub.db")
    await first.transact(putting(record("kept", dirty=True)))
    await first.close()
    second = await Store.open(tmp_path / "hub.db")
    assert second.get(Key("Statement", "env", "kept")) == record("kept", dirty=True)
    assert second.dirty() == [Key("Statement", "env", "kept")]
    await second.close()


async def test_history_comes_newest_first_and_is_bounded_by_kind_and_resource(store: Store) -> None:
    await store.transact(appending(*(entry(f"e{number}", type=f"t{number % 2}") for number in range(6)), keep=4))
    await store.transact(appending(entry("other", "uid-other"), entry("instance", kind="Instance"), keep=1))
    assert names(store) == ["e5", "e4", "e3", "e2"]
    assert names(store, limit=2, offset=1) == ["e4", "e3"]
    assert names(store, order=(Order(("metadata", "by")),)) == ["e2", "e3", "e4", "e5"]
    assert names(store, conditions=(Condition((("status", "type"),), "in", ("t1",)),)) == ["e5", "e3"]
    either = Condition((("status", "type"),), "contains", ("0",), Condition((("name",),), "in", ("e3",)))
    assert names(store, conditions=(either,)) == ["e4", "e3", "e2"]
    assert store.count(Query("Event", "uid-app", (either,), table="history")) == 3
    assert store.history.get("uid-app", "Event", "e5") == entry("e5", type="t1")
    assert store.history.get("uid-app", "Event", "e1") is None


async def test_what_must_be_kept_of_history_is_not_pruned(store: Store) -> None:
    await store.transact(appending(*(entry(f"e{number}") for number in range(6)), keep=2, but="e1"))
    assert names(store) == ["e5", "e4", "e1"]


async def test_history_can_be_taken_back_and_rewritten(store: Store) -> None:
    await store.transact(appending(entry("a"), entry("b"), entry("c")))

    def work(transaction: Transaction) -> None:
        transaction.history.remove("uid-app", ["b", "unknown"])
        transaction.history.rewrite(entry("a", changed=True))
        transaction.history.rewrite(entry("unknown"))
        transaction.history.append(entry("d"))

    await store.transact(work)
    assert names(store) == ["d", "c", "a"]
    assert store.history.get("uid-app", "Event", "a") == entry("a", changed=True)


async def test_history_goes_with_its_resource(store: Store) -> None:
    await store.transact(putting(record("app"), record("app2")))
    await store.transact(appending(entry("a"), entry("b", kind="Instance"), entry("c", "uid-app2")))
    await store.transact(putting(record("app", dirty=True)))
    assert names(store) == ["a"], "a new version of the record leaves it alone"
    assert await store.transact(lambda transaction: transaction.delete(Key("Statement", "env", "app")))
    assert not await store.transact(lambda transaction: transaction.delete(Key("Statement", "env", "app")))
    assert names(store) == []
    assert store.history.get("uid-app", "Instance", "b") is None
    assert names(store, "uid-app2") == ["c"]


async def test_a_failed_change_leaves_no_trace_and_harms_no_other(store: Store) -> None:
    def fails(transaction: Transaction) -> None:
        transaction.put(record("half"))
        raise ValueError("no")

    results = await asyncio.gather(
        store.transact(putting(record("before"))),
        store.transact(fails),
        store.transact(putting(record("after"))),
        return_exceptions=True,
    )
    assert isinstance(results[1], ValueError)
    assert [each.name for each in store.list("Statement")] == ["after", "before"]


async def test_a_change_reads_what_earlier_changes_wrote(store: Store) -> None:
    def count_up(transaction: Transaction) -> int:
        present = transaction.get(Key("Statement", "env", "counter"))
        number = (present.spec["number"] if present else 0) + 1
        transaction.put(record("counter", spec={"number": number}))
        return number

    numbers = await asyncio.gather(*(store.transact(count_up) for _ in range(500)))
    assert sorted(numbers) == list(range(1, 501))


async def test_delete_says_whether_there_was_anything(store: Store) -> None:
    await store.transact(putting(record("gone")))
    key = Key("Statement", "env", "gone")
    assert await store.transact(lambda transaction: transaction.delete(key)) is True
    assert await store.transact(lambda transaction: transaction.delete(key)) is False


async def test_an_abandoned_change_is_still_made(store: Store) -> None:
    task = asyncio.ensure_future(store.transact(putting(record("sent"))))
    await asyncio.sleep(0)
    task.cancel()
    await store.transact(putting(record("next")))
    assert store.get(Key("Statement", "env", "sent")) is not None


@on_sqlite
async def test_a_second_hub_on_the_same_file_is_refused(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"in use by another cmf-hub.*CMF_DATABASE"):
        await Store.open(tmp_path / "hub.db")


async def test_a_database_of_a_newer_hub_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "hub.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match=r"schema 99.*newer cmf-hub"):
        await Store.open(tmp_path / "hub.db")


async def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_text("this is a letter, not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        await Store.open(tmp_path / "hub.db")
    with pytest.raises(StoreError, match="cannot be opened"):
        await Store.open(tmp_path)


async def test_a_file_that_was_refused_can_be_opened_once_it_is_repaired(tmp_path: Path) -> None:
    path = tmp_path / "hub.db"
    path.write_text("this is a letter, not a database" * 100)
    with pytest.raises(StoreError):
        await Store.open(path)
    path.unlink()
    await (await Store.open(path)).close()


@on_sqlite
async def test_only_the_hubs_user_can_read_the_database(store: Store, tmp_path: Path) -> None:
    await store.transact(putting(record("x")))
    assert modes(tmp_path) == {"hub.db": 0o600, "hub.db-wal": 0o600, "hub.db-shm": 0o600, "hub.db.lock": 0o600}


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_a_closed_store_takes_no_changes(tmp_path: Path) -> None:
    closed = await Store.open(tmp_path / "hub.db")
    await closed.close()
    with pytest.raises(StoreError, match="shutting down"):
        await closed.transact(putting(record("late")))


async def test_changes_that_wait_are_made_before_the_store_closes(tmp_path: Path) -> None:
    store = await Store.open(tmp_path / "hub.db")
    waiting = [asyncio.ensure_future(store.transact(putting(record(f"n{number:03}")))) for number in range(300)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*waiting)
    again = await Store.open(tmp_path / "hub.db")
    assert again.count(Query("Statement")) == 300
    await again.close()


@on_sqlite
async def test_a_full_disk_fails_the_change_and_the_store_goes_on(store: Store) -> None:
    pages = store._writer.execute("PRAGMA page_count").get
    store._writer.execute(f"PRAGMA max_page_count = {pages + 2}").fetchall()
    with pytest.raises(StoreError, match="cannot be written"):
        await store.transact(putting(record("big", spec={"statement": "x" * 100_000})))
    store._writer.execute("PRAGMA max_page_count = 1000000").fetchall()
    await store.transact(putting(record("small")))
    assert [each.name for each in store.list("Statement")] == ["small"]


async def test_orphans_are_remembered_by_cluster(store: Store) -> None:
    orphan = Orphan("spoke", "FlinkApplication", "flink", "app", "uid", NOW, "env")
    await store.transact(lambda transaction: transaction.add_orphan(orphan))
    assert store.orphans("spoke") == [orphan]
    assert store.orphans("other") == []
    assert await store.transact(lambda t: t.remove_orphan("spoke", "uid")) is True
    assert store.orphans("spoke") == []


@pytest.fixture
async def fleet(store: Store) -> Store:
    await store.transact(
        putting(
            record("alpha", labels={"team": "red"}, status={"phase": "RUNNING"}, spec={"statement": "SELECT 1"}),
            record("beta", labels={"team": "blue", "x.y/z": "1"}, status={"phase": "STOPPED"}),
            record("gamma", status={"phase": "RUNNING"}, spec={"statement": "INSERT INTO t"}),
            record("delta", labels={"team": "red"}),
            record("alpha", scope="other"),
        )
    )
    return store


PHASE = ("status", "phase")
TEAM = ("metadata", "labels", "team")


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        (Condition((PHASE,), "in", ("RUNNING",)), ["alpha", "gamma"]),
        (Condition((PHASE,), "notin", ("RUNNING",)), ["beta", "delta"]),
        (Condition((TEAM,), "in", ("red", "blue")), ["alpha", "beta", "delta"]),
        (Condition((TEAM,), "notin", ("red",)), ["beta", "gamma"]),
        (Condition((TEAM,), "exists"), ["alpha", "beta", "delta"]),
        (Condition((TEAM,), "absent"), ["gamma"]),
        (Condition((("metadata", "labels", "x.y/z"),), "in", ("1",)), ["beta"]),
        (Condition((("name",),), "like", ("*ta",)), ["beta", "delta"]),
        (Condition((("name",),), "like", ("a*",)), ["alpha"]),
        (Condition((("name",),), "like", ("[ab]*",)), []),
        (Condition((("spec", "statement"), ("name",)), "contains", ("SeL",)), ["alpha"]),
        (Condition((("spec", "statement"), ("name",)), "contains", ("ta",)), ["beta", "delta"]),
    ],
)
async def test_conditions_select(fleet: Store, condition: Condition, names: list[str]) -> None:
    query = Query("Statement", "env", [condition])
    assert [row.key.name for row in fleet.page(query)] == names
    assert fleet.count(query) == len(names)


async def test_labels_and_states_are_those_of_the_last_change(fleet: Store) -> None:
    async def named(condition: Condition) -> list[str]:
        return [row.key.name for row in fleet.page(Query("Statement", "env", [condition]))]

    changed = record("alpha", labels={"team": "blue", "new": "1"}, status={"phase": "FAILED"})
    await fleet.transact(putting(changed))
    assert await named(Condition((TEAM,), "in", ("red",))) == ["delta"]
    assert await named(Condition((TEAM,), "in", ("blue",))) == ["alpha", "beta"]
    assert await named(Condition((PHASE,), "in", ("RUNNING",))) == ["gamma"]
    await fleet.transact(putting(record("alpha", status={"phase": "FAILED"})))
    assert await named(Condition((("metadata", "labels", "new"),), "exists")) == []
    await fleet.transact(lambda transaction: transaction.delete(Key("Statement", "env", "beta")))
    assert await named(Condition((TEAM,), "exists")) == ["delta"]
    assert fleet.tally(Query("Statement", "env"), PHASE) == {"": 1, "FAILED": 1, "RUNNING": 1}


@pytest.mark.parametrize(
    "condition",
    [
        Condition((TEAM,), "in", ("red",)),
        Condition((PHASE,), "in", ("RUNNING",)),
        Condition((("status", "jobStatus", "state"),), "in", ("RUNNING", "FAILED")),
        Condition((("name",),), "like", ("*-7",)),
    ],
)
async def test_filters_read_no_documents(store: Store, condition: Condition) -> None:
    sql, parameters = where(Query("FlinkApplication", "env", [condition]))
    plan = store._connection.execute(f"EXPLAIN QUERY PLAN SELECT count(*) FROM resource WHERE {sql}", parameters)
    steps = [str(row[-1]) for row in plan]
    read = [step for step in steps if " resource " in step]
    assert read, steps
    assert all("COVERING INDEX" in step for step in read), steps


async def test_pages_are_in_order_and_do_not_overlap(fleet: Store) -> None:
    order = [Order(PHASE, descending=True), Order(("name",))]
    pages = [
        [row.key.name for row in fleet.page(Query("Statement", "env", order=order, limit=2, offset=offset))]
        for offset in (0, 2, 4)
    ]
    assert pages == [["beta", "alpha"], ["gamma", "delta"], []]


@pytest.mark.parametrize("scope", ["env", None])
@pytest.mark.parametrize("conditions", [(), (Condition((TEAM,), "exists"),)])
@pytest.mark.parametrize("order", [(), (Order(TEAM, descending=True),), (Order(PHASE), Order(TEAM))])
@pytest.mark.parametrize("limit", [1, 3, -1])
async def test_a_page_is_the_part_of_the_list_that_it_names(
    fleet: Store, scope: str | None, conditions: tuple[Condition, ...], order: tuple[Order, ...], limit: int
) -> None:
    query = Query("Statement", scope, conditions, order)
    rows = list(fleet.page(query))
    assert len(rows) >= 3
    for offset in range(len(rows) + 2):
        end = len(rows) if limit < 0 else offset + limit
        assert list(fleet.page(replace(query, limit=limit, offset=offset))) == rows[offset:end]


async def test_rows_are_the_texts_of_the_records(fleet: Store) -> None:
    (row,) = fleet.page(Query("Statement", "env", [Condition((("name",),), "in", ("beta",))]))
    stored = fleet.get(row.key)
    assert stored is not None
    assert json.loads(row.document) == stored.document
    assert json.loads(row.status or "") == stored.status


async def test_open_files_are_closed(tmp_path: Path) -> None:
    before = len(open_files())
    for _ in range(5):
        store = await Store.open(tmp_path / "hub.db")
        await store.transact(putting(record("x")))
        await store.close()
    assert len(open_files()) <= before + 1


def open_files() -> list[Path]:
    return list(Path("/proc/self/fd").iterdir())


async def test_records_are_counted_by_the_value_of_a_field(store: Store) -> None:
    states = {"one": "RUNNING", "two": "RUNNING", "three": "FAILED", "four": None}
    await store.transact(
        putting(*(record(name, status={"phase": state} if state else None) for name, state in states.items()))
    )
    await store.transact(putting(record("elsewhere", "other", status={"phase": "RUNNING"})))
    phase = ("status", "phase")
    assert store.tally(Query("Statement"), phase) == {"": 1, "FAILED": 1, "RUNNING": 3}
    assert store.tally(Query("Statement", "env"), phase) == {"": 1, "FAILED": 1, "RUNNING": 2}
    assert store.tally(Query("Secret"), phase) == {}
