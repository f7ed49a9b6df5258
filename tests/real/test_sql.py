"""SQL statements on real Flink, on a shared and on a dedicated pool. Each test goes on where the last one ended."""

from __future__ import annotations

from typing import Any

import pytest

from tests.real.fleet import RealFleet
from tests.real.stack import ENVIRONMENTS, SMALL, Stack
from tests.support.hub import Hub
from tests.support.wait import wait_for

pytestmark = pytest.mark.timeout(900)

ENVIRONMENT = ENVIRONMENTS["home"]
SHARED = f"/environments/{ENVIRONMENT}/compute-pools/shared"
PATIENCE = 180.0


def statement(sql: str, pool: str = "shared", **inputs: Any) -> dict[str, Any]:
    """Return the inputs of a statement."""
    return {"environment": ENVIRONMENT, "compute_pool_name": pool, "statement": sql, **inputs}


def path(name: str) -> str:
    """Return where a statement is."""
    return f"/environments/{ENVIRONMENT}/statements/{name}"


def found(hub: Hub, name: str) -> dict[str, Any]:
    """Return a statement as the hub has it."""
    resource: dict[str, Any] = hub.get(path(name)).json()
    return resource


def wanted(hub: Hub) -> str | None:
    """Return the state that is wanted of the shared pool."""
    state: str | None = hub.get(SHARED).json()["spec"].get("state")
    return state


def reaches(hub: Hub, name: str, phase: str) -> None:
    """Wait until a statement has a phase."""
    hub.until(path(name), "status.phase", phase, PATIENCE)


@pytest.mark.rule("P17", "P18", "P25", "P26", "P28")
def test_a_shared_pool_is_a_session_cluster_with_a_gateway(stack: Stack, fleet: RealFleet, hub: Hub) -> None:
    spec = {**SMALL, "mode": "standalone", "flink_configuration": {"taskmanager.numberOfTaskSlots": "4"}}
    stack.set("shared", "ComputePool", environment=ENVIRONMENT, type="SHARED", cluster_spec=spec)
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(SHARED).status_code == 200)
    assert hub.get(SHARED).json()["status"]["phase"] == "RUNNING"
    (manager,) = fleet.clusters["home"].pods(app="shared", component="jobmanager")
    assert {container.name for container in manager.spec.containers} == {"flink-main-container", "sql-gateway"}


def test_tables_are_made_at_once_and_a_bounded_insert_completes(stack: Stack, hub: Hub) -> None:
    source = "CREATE TABLE hundred (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '100')"
    endless = "CREATE TABLE endless (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '10')"
    stack.set("table-hundred", "Statement", **statement(source))
    stack.set("table-endless", "Statement", **statement(endless))
    stack.set("table-sink", "Statement", **statement("CREATE TABLE sink (n INT) WITH ('connector' = 'blackhole')"))
    stack.set("bounded", "Statement", **statement("INSERT INTO sink SELECT n FROM hundred"))
    stack.up()
    for table in ("table-hundred", "table-endless", "table-sink"):
        assert found(hub, table)["status"]["phase"] == "COMPLETED"
    reaches(hub, "bounded", "COMPLETED")
    assert found(hub, "bounded")["status"]["traits"]["isBounded"] is True


def test_bad_sql_fails_with_the_words_of_flink(stack: Stack, hub: Hub) -> None:
    answer = hub.post(
        f"/environments/{ENVIRONMENT}/statements",
        {
            "apiVersion": "cmf.confluent.io/v1",
            "kind": "Statement",
            "metadata": {"name": "wrong"},
            "spec": {"statement": "INSERT INTO sink SELECT m FROM hundred", "computePoolName": "shared"},
        },
    )
    assert answer.status_code == 200
    status = answer.json()["status"]
    assert status["phase"] == "FAILED"
    assert "Column 'm' not found in any table" in status["detail"]
    assert hub.delete(path("wrong")).status_code in {202, 204}


def test_a_query_gives_its_rows(stack: Stack, hub: Hub) -> None:
    stack.set("query", "Statement", **statement("SELECT n + 1 AS m FROM (VALUES (1), (2), (3)) AS t (n)"))
    stack.up()
    hub.crash()
    rows: list[Any] = []
    token: str | None = ""

    def all_read() -> bool:
        nonlocal token
        page = hub.get(f"{path('query')}/results", params={"page-token": token} if token else {}).json()
        rows.extend(row["row"] for row in page["results"]["data"])
        token = page["metadata"].get("annotations", {}).get("nextPageToken")
        return len(rows) >= 3

    wait_for(all_read, "three rows", PATIENCE)
    assert sorted(rows) == [["2"], ["3"], ["4"]]
    stack.drop("query")


@pytest.mark.rule("P38", "P45", "P46")
def test_an_endless_insert_runs_stops_with_a_savepoint_and_goes_on(stack: Stack, hub: Hub) -> None:
    stack.set("endless", "Statement", **statement("INSERT INTO sink SELECT n FROM endless"))
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(path("endless")).status_code == 200)
    reaches(hub, "endless", "RUNNING")
    stack.change("endless", "stopped", True)
    stack.up_while_the_hub_is_killed(hub, lambda: found(hub, "endless")["spec"].get("stopped") is True)
    reaches(hub, "endless", "STOPPED")
    stack.change("shared", "state", "SUSPENDED")
    said = stack.program.preview(stack.text(), fails=True)
    assert "endless" in said
    assert "P45" in said or "P38" in said
    stack.change("shared", "state", "RUNNING")
    stack.change("endless", "stopped", False)
    stack.up_while_the_hub_is_killed(hub, lambda: not found(hub, "endless")["spec"].get("stopped"))
    reaches(hub, "endless", "RUNNING")


@pytest.mark.rule("P04", "P40")
def test_a_dedicated_pool_gives_each_statement_a_cluster(stack: Stack, fleet: RealFleet, hub: Hub) -> None:
    stack.set("dedicated", "ComputePool", environment=ENVIRONMENT, type="DEDICATED", cluster_spec=SMALL)
    stack.set("alone", "Statement", **statement("INSERT INTO sink SELECT n FROM endless", "dedicated"))
    stack.up_while_the_hub_is_killed(hub, lambda: hub.get(path("alone")).status_code == 200)
    reaches(hub, "alone", "RUNNING")
    components = {pod.metadata.labels["component"] for pod in fleet.clusters["home"].pods(app="alone")}
    assert components == {"jobmanager", "taskmanager"}


@pytest.mark.rule("E59")
def test_a_statement_whose_task_manager_no_node_has_room_for_is_pending_and_says_why(stack: Stack, hub: Hub) -> None:
    large = {**SMALL, "task_manager": {"resource": {"cpu": 64, "memory": "1000m"}}}
    stack.set("large", "ComputePool", environment=ENVIRONMENT, type="DEDICATED", cluster_spec=large)
    waiting = statement("INSERT INTO sink SELECT n FROM endless", "large", wait_for="accepted")
    stack.set("waiting", "Statement", **waiting)
    stack.up()

    def cause() -> str:
        detail = found(hub, "waiting")["status"].get("detail", "")
        return detail if "cannot be scheduled" in detail else ""

    said = wait_for(cause, "the cause", PATIENCE)
    assert "TaskManager pod" in said
    assert "Insufficient cpu" in said
    assert found(hub, "waiting")["status"]["phase"] == "PENDING"
    stack.drop("waiting")
    stack.drop("large")


@pytest.mark.rule("P42", "P43", "P44", "P47")
def test_without_statements_a_pool_is_suspended_and_resumed(stack: Stack, fleet: RealFleet, hub: Hub) -> None:
    for name in ("endless", "alone", "dedicated"):
        stack.drop(name)
    stack.up()
    stack.change("shared", "state", "SUSPENDED")
    stack.up_while_the_hub_is_killed(hub, lambda: wanted(hub) == "SUSPENDED")
    wait_for(lambda: not fleet.clusters["home"].pods(), "pods to go", PATIENCE)
    stack.change("shared", "state", "RUNNING")
    stack.up_while_the_hub_is_killed(hub, lambda: wanted(hub) != "SUSPENDED")
    assert hub.get(SHARED).json()["status"]["phase"] == "RUNNING"


@pytest.mark.rule("P05", "P17")
def test_a_native_session_cluster_makes_task_managers_as_statements_need_them(
    stack: Stack, fleet: RealFleet, hub: Hub
) -> None:
    stack.drop("bounded")
    stack.change("shared", "state", "SUSPENDED")
    spec = {**SMALL, "mode": "native", "flink_configuration": {"taskmanager.numberOfTaskSlots": "2"}}
    stack.set("native", "ComputePool", environment=ENVIRONMENT, type="SHARED", cluster_spec=spec)
    stack.up()
    home = fleet.clusters["home"]
    assert home.pods(app="native", component="taskmanager") == []
    stack.set("on-native", "Statement", **statement("INSERT INTO sink SELECT n FROM endless", "native"))
    stack.up()
    reaches(hub, "on-native", "RUNNING")
    assert home.pods(app="native", component="taskmanager") != []


@pytest.mark.rule("P42", "P43", "P44")
def test_a_native_session_cluster_is_suspended_and_resumed(stack: Stack, fleet: RealFleet, hub: Hub) -> None:
    home = fleet.clusters["home"]
    stack.drop("on-native")
    stack.up()
    stack.change("native", "state", "SUSPENDED")
    stack.up()
    wait_for(lambda: not home.pods(app="native"), "its pods to go", PATIENCE)
    stack.change("native", "state", "RUNNING")
    stack.set("on-native", "Statement", **statement("INSERT INTO sink SELECT n FROM endless", "native"))
    stack.up()
    reaches(hub, "on-native", "RUNNING")
    assert home.pods(app="native", component="taskmanager") != []
