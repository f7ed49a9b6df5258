"""One writer at a time for each resource."""

import asyncio

import pytest
from cmf_hub.flink.locks import Locks
from cmf_hub.store import Key

ONE, OTHER = Key("Statement", "prod", "one"), Key("Statement", "prod", "other")


async def test_the_second_writer_of_a_resource_waits_and_others_do_not() -> None:
    locks, order = Locks(), []
    inside, leave = asyncio.Event(), asyncio.Event()

    async def first() -> None:
        async with locks.hold(ONE):
            inside.set()
            await leave.wait()
            order.append("first")

    async def second() -> None:
        await inside.wait()
        async with locks.hold(ONE):
            order.append("second")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(first())
        tasks.create_task(second())
        await inside.wait()
        async with locks.hold(OTHER):
            order.append("other")
        leave.set()
    assert order == ["other", "first", "second"]


async def test_locks_that_nobody_holds_take_no_memory() -> None:
    locks = Locks()
    with pytest.raises(RuntimeError):
        async with locks.hold(ONE):
            raise RuntimeError
    assert not locks._locks

    async def wait_for_it() -> None:
        async with locks.hold(ONE):
            pytest.fail("the lock was held by two")

    async with locks.hold(ONE):
        impatient = asyncio.create_task(wait_for_it())
        await asyncio.sleep(0)
        impatient.cancel()
        await asyncio.wait({impatient})
        assert list(locks._locks) == [ONE]
    assert not locks._locks
    assert not locks._users
