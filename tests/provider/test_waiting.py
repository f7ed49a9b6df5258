"""Waits, on a clock that a test moves."""

from collections.abc import Iterable

import pytest
from cmf_core.errors import CmfError, HubUnreachable, NotFound
from pulumi_cmf.lifecycle.waiting import Look, WaitFailed, wait_until

from tests.provider.operations import FakeClock


async def wait(looks: Iterable[Look | CmfError], limit: float = 60) -> tuple[list[str], float]:
    """Wait with these looks, the last of them for ever; return progress lines and seconds."""
    clock, left = FakeClock(), list(looks)
    lines: list[str] = []

    async def look() -> Look:
        seen = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(seen, CmfError):
            raise seen
        return seen

    await wait_until(look, "Pool 'p'", "RUNNING", limit=limit, clock=clock, progress=lines.append)
    return lines, clock.time


async def test_each_change_is_told_once() -> None:
    pending, starting = Look("phase PENDING"), Look("phase PENDING: starting")
    lines, _ = await wait([pending, pending, starting, starting, Look("phase RUNNING", done=True)])
    assert lines == [
        "waiting until it is RUNNING: phase PENDING",
        "waiting until it is RUNNING: phase PENDING: starting",
    ]


async def test_what_is_ready_at_once_takes_no_time() -> None:
    assert await wait([Look("", done=True)]) == ([], 0.0)


async def test_an_outage_of_the_server_passes() -> None:
    lines, seconds = await wait([HubUnreachable("CMF at http://x cannot be reached"), Look("", done=True)])
    assert lines == ["waiting until it is RUNNING: CMF at http://x cannot be reached"]
    assert seconds > 0


async def test_a_refusal_does_not() -> None:
    with pytest.raises(NotFound):
        await wait([NotFound("no such pool")])


async def test_the_end_of_the_time_tells_the_last_status() -> None:
    with pytest.raises(WaitFailed, match="Pool 'p' was not RUNNING within 30 s: phase FAILING: no node has 64 cores"):
        await wait([Look("phase PENDING"), Look("phase FAILING: no node has 64 cores")], limit=30)


async def test_the_hopeless_is_not_waited_for() -> None:
    with pytest.raises(WaitFailed, match="Pool 'p' will not be RUNNING: phase FAILED: out of memory"):
        await wait([Look("phase FAILED: out of memory", hopeless=True)], limit=10**9)
