"""Several hubs on one PostgreSQL: one leads, the others stand by and follow it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from cmf_hub.standby import TRY_SECONDS, leadership
from cmf_hub.store import StoreError
from structlog.testing import capture_logs

from tests.hub.clusters.fakes import FakeClock
from tests.support.fleet import new_hub
from tests.support.hub import V1, Hub, Spoke, application, unique
from tests.support.postgres import PASSWORD, PostgresServer
from tests.support.relay import relay_to
from tests.support.wait import wait_for

FAIL_OVERS = 4


@pytest.fixture
def hubs(fleet: dict[str, Spoke], postgres: PostgresServer, tmp_path: Path) -> Iterator[Callable[..., Hub]]:
    """Make hubs of one database, not started."""
    database = postgres.new_database()
    with ExitStack() as running:

        def make(port: int | None = None, **settings: str) -> Hub:
            url = postgres.url(database, port)
            hub = new_hub(
                fleet, tmp_path / unique("hub"), {"CMF_DATABASE_URL": url, "CMF_ENCRYPTION_KEYS": "", **settings}
            )
            running.callback(hub.stop)
            return hub

        yield make


def probe(hub: Hub, path: str) -> httpx.Response:
    """Ask a hub that may not listen yet."""
    return httpx.get(f"http://127.0.0.1:{hub.settings['CMF_PORT']}{path}", timeout=10, trust_env=False)


def stands_by(hub: Hub) -> bool:
    """Tell whether a hub answers, and is not ready."""
    try:
        return probe(hub, "/healthz").status_code == 200 and probe(hub, "/readyz").status_code == 503
    except httpx.TransportError:
        return False


def leads(hub: Hub) -> bool:
    """Tell whether a hub is ready."""
    try:
        return probe(hub, "/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_a_hub_that_stands_by_follows_one_that_dies(hubs: Callable[..., Hub]) -> None:
    first, second = hubs(), hubs()
    first.start()
    first.connected("default-k8s-cluster")
    environment = first.environment("flink")
    second.launch()
    wait_for(lambda: stands_by(second), "the second hub to stand by")
    assert "standing by" in probe(second, "/readyz").text
    refused = probe(second, f"{V1}/environments")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "1"
    assert refused.json() == {"errors": [{"message": "This hub stands by, and another one leads: ask that one"}]}
    name = unique("app")
    assert first.post(f"{environment}/applications", application(name)).status_code == 201
    first.kill()
    wait_for(lambda: leads(second), "the second hub to lead")
    second.connected("default-k8s-cluster")
    second.until(f"{environment}/applications/{name}", "status.jobStatus.state", "RUNNING")
    first.launch()
    wait_for(lambda: stands_by(first), "the first hub to stand by")
    second.stop()
    wait_for(lambda: leads(first), "the first hub to lead again")
    assert first.get(f"{environment}/applications/{name}").status_code == 200


def test_whatever_was_acknowledged_survives_one_fail_over_after_the_other(hubs: Callable[..., Hub]) -> None:
    pair = [hubs(), hubs()]
    pair[0].start()
    pair[1].launch()
    acknowledged: list[str] = []
    for number in range(FAIL_OVERS):
        leader, other = pair[number % 2], pair[(number + 1) % 2]
        wait_for(lambda: stands_by(other), "the other hub to stand by")  # noqa: B023
        with ThreadPoolExecutor(4) as writers:
            written = [writers.submit(write_until_it_dies, leader, unique("writer")) for _ in range(4)]
            wait_for(lambda: len(environments(leader)) > len(acknowledged) + 20, "writes to be under way")  # noqa: B023
            leader.kill()
            acknowledged += [name for each in written for name in each.result()]
        wait_for(lambda: leads(other), "the other hub to lead")  # noqa: B023
        assert set(acknowledged) <= set(environments(other))
        leader.launch()
    assert len(acknowledged) > 20 * FAIL_OVERS


def write_until_it_dies(hub: Hub, prefix: str) -> list[str]:
    """Create environments until the hub answers no more, and return those that it has acknowledged."""
    acknowledged: list[str] = []
    with httpx.Client(base_url=str(hub.http.base_url), trust_env=False, timeout=30) as http, suppress(httpx.HTTPError):
        for number in count():
            name = f"{prefix}-{number}"
            answer = http.post(f"{V1}/environments", json={"name": name, "kubernetesNamespace": "flink"})
            answer.raise_for_status()
            acknowledged.append(name)
    return acknowledged


def environments(hub: Hub) -> list[str]:
    """Return the names of all environments."""
    names: list[str] = []
    while found := probe(hub, f"{V1}/environments?size=1000&page={len(names) // 1000}").json()["items"]:
        names += [each["name"] for each in found]
        if len(found) < 1000:
            break
    return names


def test_a_hub_that_stands_by_ends_when_it_is_told_to(hubs: Callable[..., Hub]) -> None:
    first, second = hubs(), hubs()
    first.start()
    second.launch()
    wait_for(lambda: stands_by(second), "the second hub to stand by")
    second.process.stop()
    assert "Traceback" not in second.process.log.read_text()
    assert leads(first)


def test_a_leader_without_its_database_makes_way(hubs: Callable[..., Hub], postgres: PostgresServer) -> None:
    with relay_to(postgres.port) as relay:
        first, second = hubs(relay.port, CMF_DATABASE_PATIENCE_SECONDS="1"), hubs()
        first.start()
        second.launch()
        wait_for(lambda: stands_by(second), "the second hub to stand by")
        relay.cut(off=True)
        wait_for(lambda: first.process.pid is None, "the first hub to end")
        wait_for(lambda: leads(second), "the second hub to lead")
        said = first.process.log.read_text()
        assert "cmf-hub: This hub does not lead any more (no connection to its database" in said
        assert "Traceback" not in said


async def test_why_the_database_cannot_be_asked_is_logged_once_until_it_changes() -> None:
    away, full = StoreError("no connection"), StoreError("too many connections")
    database: Any = object()
    answers, clock = iter([away, away, full, full, None, full, full, database]), FakeClock()

    async def take() -> Any:
        answer = next(answers)
        if isinstance(answer, StoreError):
            raise answer
        return answer

    with capture_logs() as logs:
        leading = asyncio.ensure_future(leadership(take, clock))
        await clock.advance(8 * TRY_SECONDS)
        assert await leading is database
    assert [each["error"] for each in logs] == ["no connection", "too many connections", "too many connections"]


def test_the_database_is_named_without_its_password(hubs: Callable[..., Hub]) -> None:
    hub = hubs(CMF_LOG_LEVEL="debug")
    hub.start()
    hub.stop()
    said = hub.process.log.read_text()
    assert '"database": "hub' in said
    assert PASSWORD not in said
    assert "not%20to%20be" not in said


def test_a_database_that_cannot_be_reached_is_said_at_once(hubs: Callable[..., Hub]) -> None:
    hub = hubs(1)
    hub.launch()
    wait_for(lambda: hub.process.pid is None, "the hub to end")
    assert "cmf-hub: The database hub" in hub.process.log.read_text()
