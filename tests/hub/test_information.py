"""What is used is worked out once for each state of a resource, and while others are served."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cmf_core.usage import deployment_usage
from cmf_hub.clock import SystemClock
from cmf_hub.clusters.registry import ClusterRegistry
from cmf_hub.services import information
from cmf_hub.services.information import Information
from cmf_hub.settings import Settings
from cmf_hub.store import Record, Store

from tests.hub.flink.samples import application, environment


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "hub.db")
    yield opened
    await opened.close()


def of(store: Store) -> Information:
    return Information(store, ClusterRegistry(store, Settings(), SystemClock()), Settings())


async def put(store: Store, *records: Record) -> None:
    await store.transact(lambda transaction: [transaction.put(each) for each in records])


async def test_use_is_worked_out_anew_only_after_a_change(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    worked_out = []

    def counted(spec: Any, parallelism: int | None = None) -> Any:
        worked_out.append(spec)
        return deployment_usage(spec, parallelism)

    monkeypatch.setattr(information, "deployment_usage", counted)
    home, app, other = environment(), application("app"), application("other")
    await put(store, home, app, other)
    known = of(store)
    assert known.environment_usage(home) == known.environment_usage(home)
    assert len(worked_out) == 2
    more = {"taskManager": {"replicas": 7, "resource": {"cpu": 1, "memory": "1g"}}}
    document = {**app.document, "spec": app.spec | more}
    await put(store, replace(app, document=document, generation=2))
    assert known.environment_usage(home).task_manager.count == 8
    assert len(worked_out) == 3
    defaults = {"flinkApplicationDefaults": {"spec": {"taskManager": {"replicas": 5}}}}
    changed = replace(home, document=home.document | defaults, generation=2)
    await put(store, changed)
    assert known.environment_usage(changed).task_manager.count == 10
    await put(store, replace(app, document=document, generation=3, deleting=True))
    assert known.environment_usage(changed).task_manager.count == 5
    adopted = {**app.document, "spec": app.spec | {"image": "other"}}
    await put(store, replace(other, document=adopted, updated="2026-11-21T00:00:00.000Z"))
    known.environment_usage(changed)
    assert worked_out[-1]["image"] == "other"


async def test_no_more_is_remembered_than_there_is_room_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(information, "_KNOWN", 2)
    home = environment()
    await put(store, home, *(application(f"app-{number}") for number in range(5)))
    known = of(store)
    for _ in range(2):
        assert known.environment_usage(home).job_manager.count == 5
        assert len(known._known) == 2


async def test_others_are_served_while_the_use_of_many_is_added_up(store: Store) -> None:
    await put(store, environment(), *(application(f"app-{number}") for number in range(300)))
    adding = asyncio.create_task(of(store).everything())
    turns = 0
    while not adding.done():
        turns += 1
        await asyncio.sleep(0)
    summary = (await adding).status.resource_summary
    assert turns >= 6
    assert summary.cpu == 300 * 1.5
