"""Clusters over HTTP, and what their state means for everything on them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hub import ONE_HEARTBEAT, Hub, Spoke, application, message, pool, statement, unique
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]


@pytest.mark.rule("C01", "C26", "C27", "C28", "D8", "D9")
def test_clusters_are_listed_and_read(hub: Hub) -> None:
    page = hub.get("/kubernetes-clusters").json()
    assert page["kind"] == "KubernetesClustersPage"
    assert [item["metadata"]["name"] for item in page["items"]] == ["default-k8s-cluster", "spoke"]
    one = hub.get("/kubernetes-clusters/spoke").json()
    assert one["kind"] == "KubernetesCluster"
    assert one["spec"] == {"lifecycleState": "ACTIVE"}
    assert one["status"]["state"] == "CONNECTED"
    assert one["status"]["kubernetesVersion"].startswith("v1.")
    assert {"uid", "creationTimestamp", "updateTimestamp"} <= set(one["metadata"])
    assert hub.get("/kubernetes-clusters/nowhere").status_code == 404
    assert hub.get("/kubernetes-clusters?filter=name=sp*").json()["metadata"]["size"] == 1


@pytest.mark.rule("C44", "C45", "C46", "C47", "D12")
def test_labels_and_annotations_are_replaced_or_kept(hub: Hub) -> None:
    path = "/kubernetes-clusters/spoke"
    sent = {"labels": {"a": "1", "b": "2"}, "annotations": {"c": "3"}}
    assert hub.put(path, {"metadata": sent}).json()["metadata"]["labels"] == {"a": "1", "b": "2"}
    assert hub.put(path, {"metadata": {"labels": {"a": "9"}}}).json()["metadata"]["labels"] == {"a": "9"}
    keeping: list[dict[str, Any]] = [
        {"metadata": {"labels": {}}},
        {"metadata": {"labels": None, "annotations": {}}},
        {"spec": {}},
    ]
    for keep in keeping:
        kept = hub.put(path, keep).json()["metadata"]
        assert (kept["labels"], kept["annotations"]) == ({"a": "9"}, {"c": "3"})
    assert hub.get("/kubernetes-clusters?filter=labels.a=9").json()["metadata"]["size"] == 1


@pytest.mark.rule("D1")
def test_a_setting_lets_empty_labels_clear(own_hub: StartHub) -> None:
    hub = own_hub(CMF_K8S_LABELS_EMPTY_CLEARS="true")
    hub.put("/kubernetes-clusters/spoke", {"metadata": {"labels": {"a": "1"}}})
    cleared = hub.put("/kubernetes-clusters/spoke", {"metadata": {"labels": {}}}).json()
    assert not cleared["metadata"].get("labels")


def test_an_update_is_for_the_cluster_in_the_path(hub: Hub) -> None:
    assert hub.put("/kubernetes-clusters/spoke", {"metadata": {"name": "other"}}).status_code == 400
    assert hub.put("/kubernetes-clusters/nowhere", {"spec": {}}).status_code == 404
    assert hub.put("/kubernetes-clusters/spoke", {"spec": {"lifecycleState": "ASLEEP"}}).status_code == 400


@pytest.mark.rule("C36", "C37", "C40", "C41", "C43", "D7")
def test_a_decommissioned_cluster_takes_no_environments(own_hub: StartHub) -> None:
    hub = own_hub()
    environment = hub.environment("flink", "spoke")
    name = environment.rpartition("/")[2]
    refused = hub.put("/kubernetes-clusters/spoke", {"spec": {"lifecycleState": "DECOMMISSIONED"}})
    assert refused.status_code == 400
    assert message(refused) == f"Cannot decommission cluster 'spoke': referenced by environments [{name}]"
    hub.delete(environment)
    answer = hub.put("/kubernetes-clusters/spoke", {"spec": {"lifecycleState": "DECOMMISSIONED"}})
    assert (answer.status_code, answer.json()["status"]["state"]) == (200, "DECOMMISSIONED")
    body = {"name": name, "kubernetesNamespace": "flink", "kubernetesClusterName": "spoke"}
    rejected = hub.post("/environments", body)
    assert rejected.status_code == 503
    assert "DECOMMISSIONED" in message(rejected)
    hub.put("/kubernetes-clusters/spoke", {"spec": {"lifecycleState": "ACTIVE"}})
    hub.connected("spoke")
    assert hub.post("/environments", body).status_code == 200


@pytest.mark.rule(
    "C33", "C34", "C35", "C38", "C39", "C48", "C49", "C50", "C51", "C52", "P51", "P61", "P62", "P63", "D4", "D6"
)
def test_an_outage_of_one_cluster(own_hub: StartHub, home: Spoke, spoke: Spoke) -> None:
    hub = own_hub()
    here, there = hub.environment("flink"), hub.environment("flink", "spoke")
    app, other, shared, sql = unique("app"), unique("app"), unique("pool"), unique("stmt")
    for environment, name in ((here, app), (there, other)):
        hub.post(f"{environment}/applications", application(name))
        hub.until(f"{environment}/applications/{name}", "status.jobStatus.state", "RUNNING")
    hub.post(f"{there}/compute-pools", pool(shared))
    hub.until(f"{there}/compute-pools/{shared}", "status.phase", "RUNNING")
    hub.post(f"{there}/statements", statement(sql, shared))
    hub.until(f"{there}/statements/{sql}", "status.phase", "RUNNING")
    spoke.cluster.stop()
    try:
        hub.connected("spoke", "DISCONNECTED")
        _writes_are_refused(hub, there, other, shared, sql)
        _reads_are_stale(hub, there, other, shared, sql)
        assert hub.post(f"{here}/applications", application(app, parallelism=1)).status_code == 201
        assert "warning" not in hub.get(f"{here}/applications/{app}").json()["status"]
        _force_works(hub, there, other, shared, sql)
    finally:
        spoke.cluster.start()
    hub.connected("spoke")
    again = hub.environment("flink", "spoke")
    fresh = unique("app")
    assert hub.post(f"{again}/applications", application(fresh)).status_code == 201
    assert "warning" not in hub.get(f"{again}/applications/{fresh}").json()["status"]
    assert other in spoke.deployments(), "what was deleted by force is left for manual cleanup (C53)"


def _writes_are_refused(hub: Hub, environment: str, app: str, shared: str, sql: str) -> None:
    applications, pools, statements = (
        f"{environment}/{kind}" for kind in ("applications", "compute-pools", "statements")
    )
    answers = [
        hub.post(applications, application(unique("app"))),
        hub.post(applications, application(app, parallelism=9)),
        hub.post(f"{applications}/{app}/start"),
        hub.post(f"{applications}/{app}/suspend"),
        hub.delete(f"{applications}/{app}"),
        hub.post(pools, pool(unique("pool"))),
        hub.post(pools, pool(unique("pool"), "DEDICATED")),
        hub.put(f"{pools}/{shared}", pool(shared, state="SUSPENDED")),
        hub.delete(f"{pools}/{shared}"),
        hub.post(statements, statement(unique("stmt"), shared)),
        hub.put(f"{statements}/{sql}", statement(sql, shared, stopped=True)),
        hub.delete(f"{statements}/{sql}"),
        hub.post("/environments", {"name": environment.rpartition("/")[2], "computePoolDefaults": {}}),
        hub.delete(environment),
    ]
    for answer in answers:
        assert answer.status_code == 503, answer.text
        assert "'spoke' is DISCONNECTED" in message(answer)


def _reads_are_stale(hub: Hub, environment: str, app: str, shared: str, sql: str) -> None:
    for path, name in (("applications", app), ("compute-pools", shared), ("statements", sql)):
        one = hub.get(f"{environment}/{path}/{name}").json()
        assert "'spoke' is DISCONNECTED" in one["status"]["warning"]
        assert hub.get(f"{environment}/{path}").json()["items"] == [one]
    assert hub.get(f"{environment}/applications/{app}").json()["status"]["jobStatus"]["state"] == "RUNNING"
    cluster = hub.get(environment).json()["status"]["kubernetesCluster"]
    assert cluster["state"] == "DISCONNECTED"
    assert "kubernetesVersion" not in cluster


def _force_works(hub: Hub, environment: str, app: str, shared: str, sql: str) -> None:
    in_use = hub.delete(f"{environment}/compute-pools/{shared}?force=true")
    assert in_use.status_code == 409
    assert hub.delete(f"{environment}?force=true").status_code == 409
    for path in (f"statements/{sql}", f"compute-pools/{shared}", f"applications/{app}"):
        assert hub.delete(f"{environment}/{path}?force=true").status_code == 204
        assert hub.get(f"{environment}/{path}").status_code == 404
    assert hub.delete(f"{environment}?force=true").status_code == 204


def test_an_outage_that_no_heartbeat_has_seen_yet_changes_nothing(own_hub: StartHub, spoke: Spoke) -> None:
    hub = own_hub(**ONE_HEARTBEAT, CMF_K8S_REQUEST_TIMEOUT_SECONDS="2")
    environment = hub.environment("flink", "spoke")
    present, absent = unique("app"), unique("app")
    path = f"{environment}/applications"
    hub.post(path, application(present))
    before = hub.until(f"{path}/{present}", "status.jobStatus.state", "RUNNING")
    spoke.cluster.stop()
    try:
        for answer in (
            hub.post(path, application(present, parallelism=9)),
            hub.post(path, application(absent)),
            hub.post(f"{path}/{present}/suspend"),
            hub.delete(f"{path}/{present}"),
        ):
            assert answer.status_code == 503
            assert "'spoke' cannot be reached" in message(answer)
        assert hub.get(f"{path}/{present}").json()["spec"] == before["spec"]
        assert hub.get(f"{path}/{absent}").status_code == 404
    finally:
        spoke.cluster.start()
    wait_for(
        lambda: hub.post(path, application(present, parallelism=3)).status_code == 201,
        "an update once the cluster is back",
    )
    assert spoke.deployments()[present]["spec"]["job"]["parallelism"] == 3


def test_a_cluster_that_hangs_does_not_hold_up_the_others(own_hub: StartHub, spoke: Spoke) -> None:
    hub = own_hub(**ONE_HEARTBEAT, CMF_K8S_REQUEST_TIMEOUT_SECONDS="2")
    here, there = hub.environment("flink"), hub.environment("flink", "spoke")
    spoke.cluster.pause()
    try:
        answer = hub.post(f"{there}/applications", application(unique("app")))
        assert answer.status_code == 503
        assert "did not answer in time" in message(answer)
        assert hub.post(f"{here}/applications", application(unique("app"))).status_code == 201
    finally:
        spoke.cluster.resume()


@pytest.mark.rule("C20", "C21", "C22", "C23")
def test_without_the_operators_crds_an_application_is_refused_with_the_way_out(own_hub: StartHub, home: Spoke) -> None:
    hub = own_hub(CMF_K8S_FLINK_API_GROUP="flink.example.org")
    environment = hub.environment("flink")
    assert "Flink Kubernetes Operator" in hub.get("/kubernetes-clusters/spoke").json()["status"]["message"]
    answer = hub.post(f"{environment}/applications", application(unique("app")))
    assert answer.status_code == 422
    assert "install the Flink Kubernetes Operator" in message(answer)


@pytest.mark.rule("E02")
def test_a_preview_can_ask_for_a_namespace(hub: Hub) -> None:
    path = "/kubernetes-clusters/spoke/namespaces"
    assert hub.get(f"{path}/flink").json() == {"name": "flink", "exists": True}
    assert hub.get(f"{path}/nowhere").json() == {"name": "nowhere", "exists": False}
    assert hub.get("/kubernetes-clusters/nowhere/namespaces/flink").status_code == 404
