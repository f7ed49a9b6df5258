"""Which cluster is probed when, in fake time."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
from cmf_hub.clusters.heartbeat import PROBES_AT_ONCE, Heartbeat, Probe

from tests.hub.clusters.fakes import FakeClock, turns


class Probes:
    """Probes that answer as told, and when each began."""

    def __init__(self, clock: FakeClock, answers: Callable[[str], bool] = lambda _: True, seconds: float = 0) -> None:
        self.clock = clock
        self.answers = answers
        self.seconds = seconds
        self.times: dict[str, list[float]] = {}
        self.under_way = self.most_under_way = 0

    async def __call__(self, name: str) -> bool:
        self.times.setdefault(name, []).append(self.clock.seconds)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            answer = self.answers(name)
            if not answer or self.seconds:
                await self.clock.sleep(self.seconds or 10)
            return answer
        finally:
            self.under_way -= 1


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@asynccontextmanager
async def beating(probe: Probe, interval: float, clock: FakeClock) -> AsyncIterator[Heartbeat]:
    heartbeat = Heartbeat(probe, interval, clock)
    try:
        yield heartbeat
    finally:
        await heartbeat.close()


@pytest.mark.rule("C25", "C54", "C61")
async def test_a_cluster_is_probed_at_once_and_then_once_an_interval(clock: FakeClock) -> None:
    probes = Probes(clock)
    async with beating(probes, 60, clock) as heartbeat:
        for name in ("a", "b", "c"):
            heartbeat.start(name)
        await clock.advance(0)
        assert probes.times == {"a": [0], "b": [0], "c": [0]}
        await clock.advance(3600)
    for times in probes.times.values():
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert 30 <= gaps[0] <= 60
        assert set(gaps[1:]) == {60}
        assert len(times) == 61


async def test_clusters_are_spread_over_the_interval(clock: FakeClock) -> None:
    probes = Probes(clock)
    async with beating(probes, 60, clock) as heartbeat:
        for n in range(300):
            heartbeat.start(f"spoke-{n}")
        await clock.advance(60)
    seconds = [int(times[1]) for times in probes.times.values()]
    assert max(seconds.count(second) for second in seconds) <= 30


@pytest.mark.rule("C60")
async def test_interval_zero_probes_nothing(clock: FakeClock) -> None:
    probes = Probes(clock)
    async with beating(probes, 0, clock) as heartbeat:
        heartbeat.start("a")
        await clock.advance(3600)
    assert probes.times == {}


@pytest.mark.rule("C42")
async def test_a_stopped_cluster_is_probed_no_more_and_a_started_one_again(clock: FakeClock) -> None:
    probes = Probes(clock)
    async with beating(probes, 60, clock) as heartbeat:
        heartbeat.start("a")
        await clock.advance(0)
        heartbeat.stop("a")
        heartbeat.stop("never-started")
        await clock.advance(3600)
        assert probes.times == {"a": [0]}
        heartbeat.start("a")
        await clock.advance(0)
        assert probes.times == {"a": [0, 3600]}


async def test_starting_again_gives_up_the_probe_that_is_under_way(clock: FakeClock) -> None:
    probes = Probes(clock, answers=lambda _: False)
    async with beating(probes, 60, clock) as heartbeat:
        heartbeat.start("a")
        await clock.advance(1)
        heartbeat.start("a")
        await turns()
        assert (probes.under_way, probes.times) == (1, {"a": [0, 1]})
    assert probes.under_way == 0


@pytest.mark.rule("C56")
async def test_hanging_clusters_do_not_delay_the_others(clock: FakeClock) -> None:
    probes = Probes(clock, answers=lambda name: name.startswith("well"))
    async with beating(probes, 60, clock) as heartbeat:
        for n in range(10 * PROBES_AT_ONCE):  # more than an interval has time for
            heartbeat.start(f"hangs-{n}")
        await clock.advance(115)
        heartbeat.start("well")
        await turns()
        assert probes.times["well"] == [115]
        await clock.advance(600)
    assert max(later - earlier for earlier, later in pairwise(probes.times["well"])) == 60


async def test_probes_at_the_same_time_are_bounded(clock: FakeClock) -> None:
    probes = Probes(clock, seconds=2)
    async with beating(probes, 60, clock) as heartbeat:
        for n in range(1000):
            heartbeat.start(f"spoke-{n}")
        await clock.advance(60)
    assert probes.most_under_way == PROBES_AT_ONCE
    assert len(probes.times) == 1000


async def test_missed_beats_are_not_made_up_for(clock: FakeClock) -> None:
    probes = Probes(clock)
    async with beating(probes, 60, clock) as heartbeat:
        heartbeat.start("a")
        await clock.advance(0)
        clock.seconds = 36_000  # the machine slept
        await clock.advance(1)
        assert len(probes.times["a"]) <= 3
        await clock.advance(600)
    assert 11 <= len(probes.times["a"]) <= 13


async def test_a_defect_in_a_probe_does_not_end_the_heartbeat(clock: FakeClock) -> None:
    calls = 0

    async def probe(_: str) -> bool:
        nonlocal calls
        calls += 1
        raise KeyError("gitVersion")

    async with beating(probe, 60, clock) as heartbeat:
        heartbeat.start("a")
        await clock.advance(300)
    assert calls == 6


async def test_closing_leaves_no_task(clock: FakeClock) -> None:
    before = asyncio.all_tasks()
    async with beating(Probes(clock, answers=lambda _: False), 60, clock) as heartbeat:
        for n in range(10):
            heartbeat.start(f"spoke-{n}")
        await clock.advance(65)
        assert len(asyncio.all_tasks() - before) == 10
    assert asyncio.all_tasks() == before
