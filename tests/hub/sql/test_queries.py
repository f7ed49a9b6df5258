"""Queries, run by the SQL gateway of a session cluster, and their results page by page."""

from typing import Any

import httpx
import pytest
from cmf_localfleet import FlinkSession

from tests.hub.sql.conftest import session_on, started
from tests.hub.sql.session import GENERATED, SessionPool
from tests.support.backend import service
from tests.support.hub import Hub, Spoke, message, pool
from tests.support.wait import wait_for


@pytest.fixture(scope="module")
def numbers(session_pool: SessionPool) -> str:
    """A table with the numbers 1 to 3."""
    session_pool.completed(f"CREATE TABLE numbers (n INT) {GENERATED}")
    return "numbers"


@pytest.fixture(scope="module")
def endless(session_pool: SessionPool) -> str:
    """A table that never ends."""
    session_pool.completed("CREATE TABLE endless (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '1000')")
    return "endless"


def job_state(flink: FlinkSession, name: str) -> str | None:
    jobs = httpx.get(f"{flink.rest_url}/jobs/overview", trust_env=False).json()["jobs"]
    return next((str(job["state"]) for job in jobs if job["name"] == name), None)


def test_a_bounded_query_completes_and_gives_its_rows(session_pool: SessionPool, numbers: str) -> None:
    name = session_pool.run(f"SELECT n, n * 2 AS twice, CAST(NULL AS INT) AS nothing FROM {numbers}")["metadata"][
        "name"
    ]
    rows = session_pool.rows(name, 3)
    assert rows == [{"op": 0, "row": [str(n), str(2 * n), None]} for n in (1, 2, 3)]
    found = session_pool.until(name, "COMPLETED")
    traits = found["status"]["traits"]
    assert (traits["sqlKind"], traits["isBounded"], traits["isAppendOnly"]) == ("SELECT", True, True)
    columns = [(column["name"], column["type"]["type"]) for column in traits["schema"]["columns"]]
    assert columns == [("n", "INTEGER"), ("twice", "INTEGER"), ("nothing", "INTEGER")]


def test_updates_say_what_they_are(session_pool: SessionPool, numbers: str) -> None:
    name = session_pool.run(f"SELECT COUNT(*) AS c FROM {numbers}")["metadata"]["name"]
    rows = session_pool.rows(name, 5)
    assert [(row["op"], row["row"]) for row in rows] == [(0, ["1"]), (1, ["1"]), (2, ["2"]), (1, ["2"]), (2, ["3"])]
    assert session_pool.of(name)["status"]["traits"]["isAppendOnly"] is False


def test_pages_are_read_in_order_and_the_last_one_again(session_pool: SessionPool, endless: str) -> None:
    created = session_pool.run(f"SELECT n FROM {endless}")
    name = created["metadata"]["name"]
    session_pool.until(name, "RUNNING")
    path = f"{session_pool.path}/{name}/results"

    def page(token: str | None = None) -> Any:
        return session_pool.hub.get(path + (f"?page-token={token}" if token else ""))

    def following(answer: Any) -> str:
        return str(answer.json()["metadata"]["annotations"]["nextPageToken"])

    token = "0"

    def more() -> bool:
        nonlocal token
        answer = page(token)
        assert (answer.status_code, page(token).json()["results"]) == (200, answer.json()["results"])
        token = following(answer)
        return bool(answer.json()["results"]["data"])

    wait_for(more, "a page with rows")
    first, _ = token, more()
    more()
    gone = page(first)
    assert (gone.status_code, "are gone" in message(gone)) == (410, True)
    assert page("9999").status_code == 410
    assert (page("x").status_code, "begin without one" in message(page("x"))) == (400, True)
    assert session_pool.of(name)["status"]["phase"] == "RUNNING"
    session_pool.hub.delete(f"{session_pool.path}/{name}")


def test_a_query_stops_resumes_and_goes_with_its_job(
    session_pool: SessionPool, endless: str, flink: FlinkSession
) -> None:
    sql = f"SELECT n FROM {endless}"
    created = session_pool.run(sql)
    name = created["metadata"]["name"]
    session_pool.until(name, "RUNNING")
    wait_for(lambda: job_state(flink, name) == "RUNNING", "the job to run")
    assert session_pool.hub.put(f"{session_pool.path}/{name}", stopped(created, True)).status_code == 200
    assert session_pool.of(name)["status"]["phase"] == "STOPPED"
    wait_for(lambda: job_state(flink, name) == "CANCELED", "the job to be cancelled")
    assert session_pool.hub.get(f"{session_pool.path}/{name}/results").status_code == 410
    assert session_pool.hub.put(f"{session_pool.path}/{name}", stopped(created, False)).status_code == 200
    session_pool.until(name, "RUNNING")
    session_pool.rows(name, 1)
    assert session_pool.hub.delete(f"{session_pool.path}/{name}").status_code == 204
    wait_for(lambda: "RUNNING" not in job_states(flink, name), "the job to be cancelled")


def stopped(created: dict[str, Any], value: bool) -> dict[str, Any]:
    return {**created, "spec": {**created["spec"], "stopped": value}}


def job_states(flink: FlinkSession, name: str) -> list[str]:
    jobs = httpx.get(f"{flink.rest_url}/jobs/overview", trust_env=False).json()["jobs"]
    return [job["state"] for job in jobs if job["name"] == name]


def test_a_failing_query_says_why(session_pool: SessionPool, numbers: str) -> None:
    sql = f"SELECT 1 / (n - 1) FROM {numbers}"
    created = session_pool.run(sql, flinkConfiguration={"restart-strategy.type": "none"})
    failed = session_pool.until(created["metadata"]["name"], "FAILED")
    assert "/ by zero" in failed["status"]["detail"]
    told = session_pool.hub.get(f"{session_pool.path}/{created['metadata']['name']}/exceptions").json()["data"]
    assert any("/ by zero" in one["message"] for one in told)
    answered = session_pool.run("SHOW TABLES")["metadata"]["name"]
    assert session_pool.hub.get(f"{session_pool.path}/{answered}/exceptions").json()["data"] == []


def test_what_writes_tables_has_no_results(session_pool: SessionPool, numbers: str) -> None:
    session_pool.completed("CREATE TABLE nowhere (n INT) WITH ('connector' = 'blackhole')")
    for sql, text in (
        (f"INSERT INTO nowhere SELECT n FROM {numbers}", "writes tables"),
        ("SELECT nothing", "Column 'nothing' not found"),
    ):
        name = session_pool.run(sql)["metadata"]["name"]
        answer = session_pool.hub.get(f"{session_pool.path}/{name}/results")
        assert (answer.status_code, text in message(answer)) == (400, True)
    assert session_pool.hub.get(f"{session_pool.path}/no-such-one/results").status_code == 404


def test_a_restarted_hub_goes_on_with_a_query(
    home: Spoke, flink: FlinkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    hub = started(home, tmp_path_factory.mktemp("restarted"), CMF_SQL_GATEWAY_PORT=str(flink.gateway_port))
    with session_on(hub, home, flink) as on:
        on.completed(f"CREATE TABLE numbers (n INT) {GENERATED}")
        name = on.run("SELECT n FROM numbers")["metadata"]["name"]
        on.until(name, "COMPLETED")
        hub.process.stop()
        hub.start()
        hub.connected("default-k8s-cluster")
        assert [row["row"] for row in on.rows(name, 3)] == [["1"], ["2"], ["3"]]
        assert on.of(name)["status"]["phase"] == "COMPLETED"
    hub.stop()


def test_a_query_on_a_dedicated_pool_has_a_session_cluster_of_its_own(
    planning_hub: Hub, home: Spoke, flink: FlinkSession
) -> None:
    environment = planning_hub.environment("flink")
    planning_hub.post(f"{environment}/compute-pools", pool("template", "DEDICATED"))
    on = SessionPool(planning_hub, environment, "template")
    on.completed(f"CREATE TABLE numbers (n INT) {GENERATED}")
    created = on.run("SELECT n FROM numbers")
    name = created["metadata"]["name"]
    deployed = home.deployments()[name]["spec"]
    assert "job" not in deployed
    containers = deployed["jobManager"]["podTemplate"]["spec"]["containers"]
    assert [container["name"] for container in containers] == ["flink-main-container", "sql-gateway"]
    waiting = planning_hub.get(f"{on.path}/{name}").json()["status"]
    assert waiting["phase"] == "PENDING"
    with service(home.cluster, f"{name}-rest", flink.rest_port, labels={"app": name, "component": "jobmanager"}):
        assert [row["row"] for row in on.rows(name, 3)] == [["1"], ["2"], ["3"]]
        on.until(name, "COMPLETED")
    planning_hub.delete(f"{on.path}/{name}")
    planning_hub.gone(f"{on.path}/{name}")
    wait_for(lambda: name not in home.deployments(), "its session cluster to be gone")


def test_a_query_is_lost_with_its_gateway(sql_hub: Hub, home: Spoke, flink: FlinkSession) -> None:
    with session_on(sql_hub, home, flink) as on:
        on.completed("CREATE TABLE endless (n INT) WITH ('connector' = 'datagen')")
        name = on.run("SELECT n FROM endless")["metadata"]["name"]
        on.until(name, "RUNNING")
        flink.stop_gateway()
        flink.launch_gateway()
        flink.wait_ready()
        failed = on.until(name, "FAILED")
        assert "lost with its SQL gateway" in failed["status"]["detail"]
        assert sql_hub.get(f"{on.path}/{name}/results?page-token=1").status_code == 410
