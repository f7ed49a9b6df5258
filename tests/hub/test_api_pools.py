from typing import Any

import pytest

from tests.support.hub import Hub, Spoke, message, pool, statement, unique


@pytest.fixture
def path(environment: str) -> str:
    """Path of the compute pools of an empty environment."""
    return f"{environment}/compute-pools"


@pytest.mark.rule("P03", "P04", "P27", "P36", "P64")
def test_a_dedicated_pool_is_a_template_without_objects(hub: Hub, home: Spoke, path: str) -> None:
    first, second = unique("pool"), unique("pool")
    answer = hub.post(path, pool(first, "DEDICATED"))
    assert answer.status_code == 200
    assert answer.json()["status"]["phase"] == "DEDICATED"
    assert hub.post(path, pool(second, "DEDICATED")).status_code == 200
    assert first not in home.deployments()
    changed = hub.put(f"{path}/{first}", pool(first, "DEDICATED", cluster={"flinkVersion": "v1_20"}))
    assert changed.status_code == 200
    assert changed.json()["spec"]["clusterSpec"]["flinkVersion"] == "v1_20"
    assert hub.delete(f"{path}/{first}").status_code == 204
    assert hub.get(f"{path}/{first}").status_code == 404


@pytest.mark.rule("P05", "P17", "P18", "P28", "P29", "P50")
def test_a_shared_pool_is_one_session_cluster(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("pool")
    assert hub.post(path, pool(name)).json()["status"]["phase"] == "PENDING"
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    assert "job" not in home.deployments()[name]["spec"]
    assert hub.delete(f"{path}/{name}").status_code == 204
    hub.gone(f"{path}/{name}")
    assert name not in home.deployments()


@pytest.mark.rule("P19", "P20", "P30", "P42", "P43", "P44")
def test_suspending_removes_the_session_cluster_and_resuming_makes_it_again(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("pool")
    assert hub.post(path, pool(name, state="SUSPENDED")).json()["status"]["phase"] == "SUSPENDED"
    assert name not in home.deployments()
    assert hub.put(f"{path}/{name}", pool(name, state="RUNNING")).status_code == 200
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    assert hub.put(f"{path}/{name}", pool(name, state="SUSPENDED")).status_code == 200
    hub.until(f"{path}/{name}", "status.phase", "SUSPENDED")
    assert name not in home.deployments()


@pytest.mark.rule("P06", "P07", "P08", "P10", "P11", "P13", "P14", "P16")
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"metadata": {"name": "pool"}, "spec": {"type": "SHARED"}}, 400, "clusterSpec"),
        ({"metadata": {"name": "pool"}, "spec": {"type": "SHARED", "clusterSpec": {}}}, 400, "clusterSpec"),
        (pool("pool", "ELASTIC"), 400, "type"),
        (pool("pool", cluster={"serviceAccount": "me"}), 422, "serviceAccount"),
        (pool("pool", cluster={"job": {"jarURI": "x"}}), 422, "job"),
        (pool("pool", cluster={"image": "cp-flink-sql:1.19-cp6"}), 422, "cp7"),
        (pool("pool", "DEDICATED", state="RUNNING"), 422, "only to SHARED"),
        (pool("abc"), 400, "size must be"),
        (pool("x" * 46), 422, "45 characters"),
    ],
)
def test_what_breaks_a_rule_is_refused(hub: Hub, path: str, body: dict[str, Any], status: int, text: str) -> None:
    answer = hub.post(path, body)
    assert answer.status_code == status, answer.text
    assert text in answer.text
    assert hub.get(path).json()["items"] == []


def test_a_dedicated_pool_may_have_a_name_that_no_deployment_could_have(hub: Hub, path: str) -> None:
    assert hub.post(path, pool("1" + "x" * 60, "DEDICATED")).status_code == 200


@pytest.mark.rule("P64")
def test_a_pool_is_created_once(hub: Hub, path: str) -> None:
    hub.post(path, pool("once", "DEDICATED"))
    answer = hub.post(path, pool("once", "DEDICATED"))
    assert answer.status_code == 409
    assert "already exists" in message(answer)


@pytest.mark.rule("P15")
def test_the_type_of_a_pool_stays(hub: Hub, path: str) -> None:
    hub.post(path, pool("stays", "DEDICATED"))
    answer = hub.put(f"{path}/stays", pool("stays", "SHARED"))
    assert answer.status_code == 422
    assert "immutable" in message(answer)


def test_an_update_is_for_the_pool_in_the_path(hub: Hub, path: str) -> None:
    hub.post(path, pool("this", "DEDICATED"))
    assert hub.put(f"{path}/this", pool("that", "DEDICATED")).status_code == 400
    nameless = pool("this", "DEDICATED")
    del nameless["metadata"]
    assert hub.put(f"{path}/this", nameless).status_code == 200
    assert hub.put(f"{path}/gone", pool("gone", "DEDICATED")).status_code == 404


@pytest.mark.rule("P38", "P45", "P49", "P53")
def test_a_running_statement_blocks_update_suspension_and_deletion(hub: Hub, environment: str, path: str) -> None:
    name, sql = unique("pool"), unique("stmt")
    hub.post(path, pool(name))
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    assert hub.post(f"{environment}/statements", statement(sql, name)).status_code == 200
    hub.until(f"{environment}/statements/{sql}", "status.phase", "RUNNING")
    for answer in (
        hub.put(f"{path}/{name}", pool(name, cluster={"flinkVersion": "v1_20"})),
        hub.put(f"{path}/{name}", pool(name, state="SUSPENDED")),
        hub.delete(f"{path}/{name}"),
        hub.delete(f"{path}/{name}?force=true"),
    ):
        assert answer.status_code == 409
        assert f"{sql} (RUNNING)" in message(answer)
    hub.delete(f"{environment}/statements/{sql}")
    hub.gone(f"{environment}/statements/{sql}")
    assert hub.put(f"{path}/{name}", pool(name, state="SUSPENDED")).status_code == 200
    assert hub.delete(f"{path}/{name}").status_code == 204


@pytest.mark.rule("P40", "P41", "D2")
def test_a_stopped_statement_does_not_block_a_dedicated_pools_update(hub: Hub, environment: str, path: str) -> None:
    name, sql = unique("pool"), unique("stmt")
    hub.post(path, pool(name, "DEDICATED"))
    hub.post(f"{environment}/statements", statement(sql, name))
    hub.until(f"{environment}/statements/{sql}", "status.phase", "RUNNING")
    update = pool(name, "DEDICATED", cluster={"imagePullPolicy": "Always"})
    assert hub.put(f"{path}/{name}", update).status_code == 409
    hub.put(f"{environment}/statements/{sql}", statement(sql, name, stopped=True))
    hub.until(f"{environment}/statements/{sql}", "status.phase", "STOPPED")
    assert hub.put(f"{path}/{name}", update).status_code == 200
    assert hub.delete(f"{path}/{name}").status_code == 409


@pytest.mark.rule("P52", "C50")
def test_a_forced_deletion_leaves_the_session_cluster(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("pool")
    hub.post(path, pool(name))
    assert hub.delete(f"{path}/{name}?force=true").status_code == 204
    assert hub.get(f"{path}/{name}").status_code == 404
    assert name in home.deployments()


@pytest.mark.rule("P22", "P23", "P25")
def test_only_a_standalone_pool_has_a_number_of_task_managers(hub: Hub, home: Spoke, path: str) -> None:
    native, standalone = unique("pool"), unique("pool")
    task_manager = {"resource": {"memory": "1024m", "cpu": 1}, "replicas": 3}
    hub.post(path, pool(native, cluster={"taskManager": task_manager}))
    hub.post(path, pool(standalone, cluster={"taskManager": task_manager, "mode": "standalone"}))
    deployed = home.deployments()
    assert "replicas" not in deployed[native]["spec"]["taskManager"]
    assert deployed[standalone]["spec"]["taskManager"]["replicas"] == 3


@pytest.mark.rule("FKO26", "FKO27")
def test_the_mode_of_a_session_cluster_stays_while_it_is_there(hub: Hub, path: str) -> None:
    name = unique("pool")
    assert hub.post(path, pool(name)).status_code == 200
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    other = {"mode": "standalone"}
    answer = hub.put(f"{path}/{name}", pool(name, cluster=other))
    assert (answer.status_code, "mode cannot change from native to standalone" in message(answer)) == (422, True)
    assert hub.put(f"{path}/{name}", pool(name, state="SUSPENDED")).status_code == 200
    hub.until(f"{path}/{name}", "status.phase", "SUSPENDED")
    assert hub.put(f"{path}/{name}", pool(name, cluster=other)).status_code == 200
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")


def test_pools_are_filtered_by_phase(hub: Hub, path: str) -> None:
    hub.post(path, pool("template", "DEDICATED"))
    asleep = unique("pool")
    hub.post(path, pool(asleep, state="SUSPENDED"))
    items = hub.get(f"{path}?filter=phase=SUSPENDED&fields=metadata.name").json()["items"]
    assert items == [
        {"apiVersion": "cmf.confluent.io/v1", "kind": "ComputePool", "metadata": {"name": asleep}},
    ]
