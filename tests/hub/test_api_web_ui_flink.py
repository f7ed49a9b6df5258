"""A real JobManager through the hub: its web UI as a browser loads it, and the exceptions of a real job."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest
from cmf_localfleet import FlinkSession

from tests.support.backend import reachable_address, service
from tests.support.hub import V1, Hub, Spoke, pool, statement, unique
from tests.support.wait import wait_for

FAILING_SQL = (
    "CREATE TEMPORARY TABLE zeros (n INT) WITH ('connector' = 'datagen', 'fields.n.min' = '0', 'fields.n.max' = '0')",
    "CREATE TEMPORARY TABLE nowhere (n INT) WITH ('connector' = 'blackhole')",
    "INSERT INTO nowhere SELECT 1 / n FROM zeros",
)


@pytest.fixture(scope="module")
def flink(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FlinkSession]:
    """Flink, where API servers reach it."""
    folder = tmp_path_factory.mktemp("flink")
    with FlinkSession(folder, address=reachable_address(), die_with_parent=True) as session:
        yield session


@pytest.fixture
def behind(home: Spoke, flink: FlinkSession) -> Iterator[Callable[[str], None]]:
    """Make the JobManager that of a FlinkDeployment."""
    with ExitStack() as made:

        def serve(deployment: str) -> None:
            made.enter_context(service(home.cluster, f"{deployment}-rest", flink.rest_port))

        yield serve


def failed_job(flink: FlinkSession) -> str:
    """Run a job that divides by zero, and return its id."""
    with httpx.Client(base_url=flink.gateway_url, timeout=60, trust_env=False) as gateway:
        session = gateway.post("/v2/sessions", json={}).json()["sessionHandle"]
        for sql in FAILING_SQL:
            started = gateway.post(f"/v2/sessions/{session}/statements", json={"statement": sql}).json()
            path = f"/v2/sessions/{session}/operations/{started['operationHandle']}"
            wait_for(
                lambda path=path: gateway.get(f"{path}/status").json()["status"] == "FINISHED",  # type: ignore[misc]
                sql,
            )

    def failed() -> str:
        listed = httpx.get(f"{flink.rest_url}/jobs/overview", trust_env=False).json()["jobs"]
        return next((str(job["jid"]) for job in listed if job["state"] == "FAILED"), "")

    return wait_for(failed, "the job to fail", seconds=60)


@pytest.mark.rule("P55", "P58")
def test_the_web_ui_loads_as_from_the_job_manager_itself(
    hub: Hub, environment: str, flink: FlinkSession, behind: Callable[[str], None]
) -> None:
    name = unique("pool")
    assert hub.post(f"{environment}/compute-pools", pool(name)).status_code in (200, 201)
    hub.until(f"{environment}/compute-pools/{name}", "status.phase", "RUNNING")
    behind(name)
    page = hub.get(f"{environment}/compute-pools/{name}/flink-web-ui", follow_redirects=True)
    assert page.headers["content-type"] == "text/html"
    assert "<title>Apache Flink Web Dashboard</title>" in page.text
    links = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert len(links) > 5
    for link in links:
        address = page.url.join(link)
        assert address.path.startswith(f"{V1}{environment}/compute-pools/{name}/flink-web-ui/")
        given, own = hub.http.get(address), httpx.get(f"{flink.rest_url}/{link}", trust_env=False)
        assert given.status_code == own.status_code == 200
        if own.headers.get("content-type") != "text/html":  # pages are written anew by the API server
            assert given.content == own.content
        assert given.headers.get("content-type") == own.headers.get("content-type")
        assert given.headers["last-modified"] == own.headers["last-modified"]
        known = {"If-Modified-Since": own.headers["last-modified"]}
        assert hub.http.get(address, headers=known).status_code == 304
    overview = hub.http.get(page.url.join("overview")).json()
    assert (overview["taskmanagers"], overview["slots-total"]) == (1, 8)
    assert hub.http.post(page.url.join("jars/upload"), files={"jarfile": b"PK"}).status_code == 403


def test_the_exceptions_of_a_statement_are_those_of_its_job(
    hub: Hub, home: Spoke, environment: str, flink: FlinkSession, behind: Callable[[str], None]
) -> None:
    on, name = unique("pool"), unique("sql")
    assert hub.post(f"{environment}/compute-pools", pool(on, "DEDICATED")).status_code in (200, 201)
    assert hub.post(f"{environment}/statements", statement(name, on)).status_code == 200
    path = f"{environment}/statements/{name}"
    hub.until(path, "status.phase", "RUNNING")
    home.patch_status(name, {"jobStatus": {"jobId": failed_job(flink)}})
    behind(name)
    (found,) = hub.get(f"{path}/exceptions").json()["data"]
    assert found["name"] == "org.apache.flink.runtime.JobException"
    assert "Caused by: java.lang.ArithmeticException: / by zero\n\tat " in found["message"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found["timestamp"])
