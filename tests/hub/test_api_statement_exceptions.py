"""Exceptions of statements, from real API servers and what stands in for JobManagers behind them."""

from collections.abc import Callable
from typing import Any

from cmf_core import calls
from cmf_core.models import StatementExceptionList

from tests.hub.flink.test_exceptions import answer, entry
from tests.support.backend import service
from tests.support.flink_rest import job_manager, serving
from tests.support.hub import Hub, Spoke, message, pool, statement, unique


def running(hub: Hub, environment: str, kind: str) -> tuple[str, str]:
    """Return the names of a pool and a RUNNING statement on it."""
    on, name = unique("pool"), unique("sql")
    assert hub.post(f"{environment}/compute-pools", pool(on, kind)).status_code in (200, 201)
    hub.until(f"{environment}/compute-pools/{on}", "status.phase", "RUNNING" if kind == "SHARED" else kind)
    assert hub.post(f"{environment}/statements", statement(name, on)).status_code == 200
    hub.until(f"{environment}/statements/{name}", "status.phase", "RUNNING")
    return on, name


def job_of(found: dict[str, dict[str, Any]], name: str) -> str:
    return str(found[name]["status"]["jobStatus"]["jobId"])


def test_they_are_the_job_managers(hub: Hub, home: Spoke, environment: str) -> None:
    _, own = running(hub, environment, "DEDICATED")
    shared, on_shared = running(hub, environment, "SHARED")
    for deployment, name, found in ((own, own, home.deployments()), (shared, on_shared, home.session_jobs())):
        path = f"/jobs/{job_of(found, name)}/exceptions"
        with job_manager() as flink, service(home.cluster, f"{deployment}-rest", flink.port):
            flink.behaviour = serving({path: answer(entry(1), entry(2))})
            given = hub.get(f"{environment}/statements/{name}/exceptions")
        assert given.status_code == 200
        assert flink.requests == [f"GET {path}?maxExceptions=10"]
        parsed = StatementExceptionList.parse(given.json())
        assert (parsed.kind, [each.message.partition("\n")[0][-4:] for each in parsed.data]) == (
            "StatementExceptionList",
            ["no 2", "no 1"],
        )


def test_without_job_manager_the_status_speaks(hub: Hub, home: Spoke, environment: str) -> None:
    _, name = running(hub, environment, "DEDICATED")
    path = f"{environment}/statements/{name}"
    assert hub.get(f"{path}/exceptions").json()["data"] == []
    home.patch_status(name, {"error": "java.lang.IllegalStateException: lost", "lifecycleState": "FAILED"})
    hub.until(path, "status.phase", "FAILED")
    (found,) = hub.get(f"{path}/exceptions").json()["data"]
    assert (found["name"], found["message"]) == (
        "java.lang.IllegalStateException",
        "java.lang.IllegalStateException: lost",
    )


def test_a_disconnected_cluster_leaves_what_is_known(own_hub: Callable[..., Hub], spoke: Spoke) -> None:
    hub = own_hub()
    environment = hub.environment("flink", "spoke")
    _, name = running(hub, environment, "DEDICATED")
    spoke.cluster.stop()
    try:
        hub.connected("spoke", "DISCONNECTED")
        given = hub.get(f"{environment}/statements/{name}/exceptions")
        assert (given.status_code, given.json()["data"]) == (200, [])
    finally:
        spoke.cluster.start()
        hub.connected("spoke")


def test_an_unknown_statement_has_none(hub: Hub, environment: str) -> None:
    given = hub.get(f"{environment}/statements/nope/exceptions")
    assert given.status_code == 404
    assert "Statement 'nope' does not exist" in message(given)


def test_the_call_reads_them() -> None:
    call = calls.statement_exceptions("prod", "my sql")
    assert (call.method, call.path) == ("GET", "/cmf/api/v1/environments/prod/statements/my%20sql/exceptions")
    found = call.parse({"data": [{"name": "a.B", "message": "m", "timestamp": "2026-11-21T08:00:00.000Z"}]})
    assert found.data[0].name == "a.B"
