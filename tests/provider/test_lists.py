"""What is read in lists, and what one by one, against a real hub."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from cmf_core.calls import ENVIRONMENTS, SECRETS, compute_pools
from cmf_core.client import AsyncClient
from cmf_core.errors import HubUnreachable
from pulumi_cmf.lifecycle import lists
from pulumi_cmf.lifecycle.facts import FRESH_SECONDS, Facts
from pulumi_cmf.lifecycle.hub import Hub as LifecycleHub
from pulumi_cmf.lifecycle.kinds import COMPUTE_POOL, SECRET
from pulumi_cmf.lifecycle.lists import RECENT_SECONDS
from pulumi_cmf.lifecycle.operations import Created
from pulumi_cmf.lifecycle.settings import Settings

from tests.provider.operations import FakeClock, create, delete, refresh, update
from tests.support.hub import unique

MANY = 20


class Counting(httpx.AsyncHTTPTransport):
    """Remembers requests; sends none while it is `cut`."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[str] = []
        self.cut = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ReadTimeout("cut", request=request)
        self.sent.append(f"{request.method} {request.url.path}")
        return await super().handle_async_request(request)


@pytest.fixture
def wire() -> Counting:
    return Counting()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def counted(settings: Settings, wire: Counting, clock: FakeClock) -> AsyncIterator[LifecycleHub]:
    """The hub, on a wire that counts and a clock that stands."""
    async with AsyncClient(settings.client(), wire) as client:
        yield LifecycleHub(client, settings, clock)


@pytest.fixture
async def secrets(hub: LifecycleHub) -> AsyncIterator[list[Created]]:
    """Many secrets, which somebody else has made."""
    made = [await create(SECRET, hub, name=unique("secret"), data={"key": "value"}) for _ in range(MANY)]
    yield made
    for each in made:
        await delete(SECRET, hub, each)


async def test_a_refresh_of_many_asks_for_a_list(
    hub: LifecycleHub, counted: LifecycleHub, wire: Counting, secrets: list[Created]
) -> None:
    found = [await refresh(SECRET, counted, each) for each in secrets]
    assert len(wire.sent) < MANY / 2
    assert found == [await SECRET.read(hub, each.id, each.state) for each in secrets]
    wire.sent.clear()
    together = await asyncio.gather(*(refresh(SECRET, counted, each) for each in secrets))
    assert together == found
    assert wire.sent == []


async def test_what_was_written_is_not_read_in_an_older_list(
    counted: LifecycleHub, wire: Counting, secrets: list[Created]
) -> None:
    for each in secrets:
        await refresh(SECRET, counted, each)
    changed = Created(secrets[0].id, await update(SECRET, counted, secrets[0], labels={"a": "b"}))
    wire.sent.clear()
    assert (await refresh(SECRET, counted, changed)).inputs["labels"] == {"a": "b"}
    assert wire.sent


async def test_what_a_list_does_not_have_is_asked_for(
    hub: LifecycleHub, counted: LifecycleHub, secrets: list[Created]
) -> None:
    for each in secrets:
        await refresh(SECRET, counted, each)
    late = await create(SECRET, hub, name=unique("secret"), data={"key": "value"})
    assert (await refresh(SECRET, counted, late)).id == late.id
    await delete(SECRET, hub, late)
    assert await SECRET.read(counted, late.id, late.state) is None


async def test_a_list_is_not_used_for_long(
    counted: LifecycleHub, wire: Counting, clock: FakeClock, secrets: list[Created]
) -> None:
    for each in secrets:
        await refresh(SECRET, counted, each)
    wire.sent.clear()
    clock.time += RECENT_SECONDS + 1
    await refresh(SECRET, counted, secrets[0])
    assert wire.sent


async def test_a_list_that_is_much_longer_than_what_is_asked_for_is_not_read(
    counted: LifecycleHub, wire: Counting, secrets: list[Created], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "_FOR_EACH", 1)
    for each in secrets[:10]:
        await refresh(SECRET, counted, each)
    assert len([line for line in wire.sent if line == f"GET {SECRETS.path}"]) == 1  # how long it is
    assert len(wire.sent) == 11


async def test_a_function_or_an_import_asks_cmf_itself(
    counted: LifecycleHub, wire: Counting, secrets: list[Created]
) -> None:
    for each in secrets:
        assert await SECRET.read(counted, each.id, {}) is not None
    assert len(wire.sent) == MANY


async def test_what_was_in_an_environment_that_is_gone_is_gone(counted: LifecycleHub) -> None:
    for _ in range(MANY):
        state = {"environment": "never-there", "name": "pool", "type": "SHARED"}
        assert await COMPUTE_POOL.read(counted, "never-there/pool", state) is None


async def test_all_who_ask_for_a_fact_at_once_wait_for_one_read(
    counted: LifecycleHub, wire: Counting, clock: FakeClock, environment: str
) -> None:
    facts = Facts(counted)
    found = await asyncio.gather(*(facts.all(ENVIRONMENTS) for _ in range(MANY)))
    assert all(environment in each for each in found)
    pages = len(wire.sent)
    assert pages < MANY
    await facts.all(ENVIRONMENTS)
    assert len(wire.sent) == pages
    clock.time += FRESH_SECONDS + 1
    await facts.all(ENVIRONMENTS)
    assert len(wire.sent) == 2 * pages


async def test_a_list_that_could_not_be_read_is_read_again(
    counted: LifecycleHub, wire: Counting, environment: str
) -> None:
    facts = Facts(counted)
    wire.cut = True
    with pytest.raises(HubUnreachable):
        await facts.all(compute_pools(environment))
    wire.cut = False
    assert await facts.all(compute_pools(environment)) == {}
