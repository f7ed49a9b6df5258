"""What forced deletions leave on a cluster: listed, cleaned, adopted."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hub import V1, Hub, Spoke, application, message, pool, statement, unique
from tests.support.wait import wait_for

CLUSTER = "/kubernetes-clusters/spoke"


@pytest.fixture
def environment(hub: Hub) -> str:
    """Path of an empty environment on cluster `spoke`."""
    return hub.environment("flink", "spoke")


def orphans(hub: Hub) -> dict[str, dict[str, Any]]:
    """Return what the cluster lists, by name."""
    status = hub.get(CLUSTER).json()["status"]
    return {orphan["name"]: orphan for orphan in status.get("orphans", [])}


def orphaned(hub: Hub, environment: str) -> dict[str, Any]:
    """Return an application that ran and was deleted by force."""
    name = unique("app")
    path = f"{environment}/applications/{name}"
    assert hub.post(f"{environment}/applications", application(name)).status_code == 201
    running = hub.until(path, "status.jobStatus.state", "RUNNING")
    assert hub.delete(f"{path}?force=true").status_code == 204
    assert hub.get(path).status_code == 404
    return running


@pytest.mark.rule("C49", "C53")
def test_a_cluster_lists_what_a_forced_deletion_left(hub: Hub, spoke: Spoke, environment: str) -> None:
    left = orphaned(hub, environment)["metadata"]
    listed = orphans(hub)[left["name"]]
    assert listed.pop("since").endswith("Z")
    assert listed == {
        "kind": "FlinkApplication",
        "namespace": "flink",
        "name": left["name"],
        "uid": left["uid"],
        "environment": environment.rpartition("/")[2],
    }
    (item,) = hub.get("/kubernetes-clusters?filter=name=spoke").json()["items"]
    assert left["name"] in [orphan["name"] for orphan in item["status"]["orphans"]]
    updated = hub.put(CLUSTER, {"spec": {}}).json()
    assert left["name"] in [orphan["name"] for orphan in updated["status"]["orphans"]]
    elsewhere = hub.get("/kubernetes-clusters/default-k8s-cluster").json()["status"].get("orphans", [])
    assert left["name"] not in [orphan["name"] for orphan in elsewhere]
    assert left["name"] in spoke.deployments()


@pytest.mark.rule("C53")
def test_an_object_that_somebody_deletes_is_listed_no_longer(hub: Hub, spoke: Spoke, environment: str) -> None:
    name = orphaned(hub, environment)["metadata"]["name"]
    assert name in orphans(hub)
    spoke.delete(name)
    wait_for(lambda: name not in orphans(hub), "the orphan to be forgotten")


@pytest.mark.rule("C53")
def test_what_never_had_an_object_is_listed_no_longer(hub: Hub, spoke: Spoke, environment: str) -> None:
    name = unique("app")
    hub.post(f"{environment}/applications", application(name, state="suspended"))
    assert name not in spoke.deployments()
    assert hub.delete(f"{environment}/applications/{name}?force=true").status_code == 204
    wait_for(lambda: name not in orphans(hub), "the orphan to be forgotten")


@pytest.mark.rule("C49", "C50", "C51", "C53")
def test_clean_deletes_what_was_left_and_nothing_else(hub: Hub, spoke: Spoke, environment: str) -> None:
    kept, foreign, shared, job = unique("app"), unique("foreign"), unique("pool"), unique("job")
    hub.post(f"{environment}/applications", application(kept))
    spoke.create({"metadata": {"name": foreign}, "spec": application(foreign)["spec"]})
    hub.post(f"{environment}/compute-pools", pool(shared))
    hub.until(f"{environment}/compute-pools/{shared}", "status.phase", "RUNNING")
    hub.post(f"{environment}/statements", statement(job, shared))
    hub.until(f"{environment}/statements/{job}", "status.phase", "RUNNING")
    assert hub.delete(f"{environment}/statements/{job}?force=true").status_code in (202, 204)
    assert hub.delete(f"{environment}/compute-pools/{shared}?force=true").status_code == 204
    name = orphaned(hub, environment)["metadata"]["name"]
    assert {name, shared, job} <= set(orphans(hub))

    answer = hub.post(f"{CLUSTER}/orphans/clean")
    assert answer.status_code == 200
    assert {name, shared, job} <= {each["name"] for part in ("cleaned", "ending") for each in answer.json()[part]}
    wait_for(lambda: not orphans(hub), "the orphans to be forgotten")
    deployments = spoke.deployments()
    assert {kept, foreign} <= set(deployments)
    assert not {name, shared} & set(deployments)
    assert job not in spoke.session_jobs()
    assert hub.post(f"{CLUSTER}/orphans/clean").json() == {"cleaned": [], "ending": []}
    assert hub.post(f"{environment}/applications", application(name)).status_code == 201


@pytest.mark.rule("C53")
def test_an_adopted_job_goes_on_and_is_managed_again(hub: Hub, spoke: Spoke, environment: str) -> None:
    left = orphaned(hub, environment)
    name, path = left["metadata"]["name"], f"{environment}/applications/{left['metadata']['name']}"
    before = spoke.deployments()[name]
    answer = hub.post(f"{CLUSTER}/orphans/flink/{name}/adopt")
    assert answer.status_code == 200, answer.text
    adopted = answer.json()
    assert adopted["metadata"]["uid"] == left["metadata"]["uid"]
    assert adopted["metadata"]["generation"] == left["metadata"]["generation"]
    assert adopted["status"]["jobStatus"]["state"] == "RUNNING"
    assert adopted["spec"]["job"] == left["spec"]["job"] | adopted["spec"]["job"]
    assert not any(label.startswith("cmf-hub.io/") for label in adopted["metadata"].get("labels", {}))
    assert name not in orphans(hub)

    assert hub.post(f"{path}/suspend").status_code == 200
    hub.until(path, "status.lifecycleState", "SUSPENDED")
    suspended = spoke.deployments()[name]
    assert suspended["metadata"]["uid"] == before["metadata"]["uid"]
    # One change of the spec, the suspension: adopting made none, so the operator had nothing to redeploy.
    assert suspended["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert hub.delete(path).status_code == 204
    wait_for(lambda: name not in spoke.deployments(), "the deployment to be gone")


@pytest.mark.rule("C53")
def test_adopt_is_refused_with_a_reason(hub: Hub, environment: str) -> None:
    absent = hub.post(f"{CLUSTER}/orphans/flink/nobody/adopt")
    assert (absent.status_code, "status.orphans lists" in message(absent)) == (404, True)
    for path in ("/kubernetes-clusters/nowhere/orphans/clean", "/kubernetes-clusters/nowhere/orphans/a/b/adopt"):
        assert hub.post(path).status_code == 404
    assert hub.get(f"{CLUSTER}/orphans/clean").status_code == 405

    shared = unique("pool")
    hub.post(f"{environment}/compute-pools", pool(shared))
    hub.until(f"{environment}/compute-pools/{shared}", "status.phase", "RUNNING")
    assert hub.delete(f"{environment}/compute-pools/{shared}?force=true").status_code == 204
    refused = hub.post(f"{CLUSTER}/orphans/flink/{shared}/adopt")
    assert (refused.status_code, "only a FlinkApplication can" in message(refused)) == (422, True)


@pytest.mark.rule("C53")
def test_adopt_needs_the_environment_and_a_free_name(hub: Hub, environment: str) -> None:
    name = orphaned(hub, environment)["metadata"]["name"]
    adopt = f"{CLUSTER}/orphans/flink/{name}/adopt"
    shared = unique("pool")
    hub.post(f"{environment}/compute-pools", pool(shared))
    hub.until(f"{environment}/compute-pools/{shared}", "status.phase", "RUNNING")
    answer = hub.post(f"{environment}/statements", statement(name, shared))
    assert answer.status_code == 200, answer.text
    taken = hub.post(adopt)
    assert (taken.status_code, "choose another name" in message(taken)) == (409, True)
    for path in (f"{environment}/statements/{name}", f"{environment}/compute-pools/{shared}"):
        assert hub.delete(path).status_code in (202, 204)
        hub.gone(path)

    assert hub.delete(environment).status_code in (200, 204)
    missing = hub.post(adopt)
    assert (missing.status_code, "create that first" in message(missing)) == (409, True)
    body = {"name": environment.rpartition("/")[2], "kubernetesNamespace": "flink", "kubernetesClusterName": "spoke"}
    assert hub.post("/environments", body).status_code == 200
    assert hub.post(adopt).status_code == 200


@pytest.mark.rule("C53")
def test_a_new_resource_of_the_name_is_told_the_way_out(hub: Hub, environment: str) -> None:
    name = orphaned(hub, environment)["metadata"]["name"]
    answer = hub.post(f"{environment}/applications", application(name))
    assert answer.status_code == 409
    assert "was left behind by a deleted resource" in message(answer)
    for call in ("clean", f"flink/{name}/adopt"):
        assert f"POST {V1}{CLUSTER}/orphans/{call}" in message(answer)


@pytest.mark.rule("C33", "C53")
def test_orphans_of_a_cluster_that_is_not_connected_are_listed_and_left(
    own_hub: Callable[..., Hub], spoke: Spoke
) -> None:
    hub = own_hub()
    environment = hub.environment("flink", "spoke")
    name = orphaned(hub, environment)["metadata"]["name"]
    kubeconfig = hub.kubeconfigs / "spoke"
    content = kubeconfig.read_bytes()
    kubeconfig.unlink()
    hub.connected("spoke", "DISCONNECTED")
    assert name in orphans(hub)
    for call in ("clean", f"flink/{name}/adopt"):
        answer = hub.post(f"{CLUSTER}/orphans/{call}")
        assert (answer.status_code, "DISCONNECTED" in message(answer)) == (503, True)
    spoke.delete(name)
    assert name in orphans(hub)
    kubeconfig.write_bytes(content)
    hub.connected("spoke")
    wait_for(lambda: name not in orphans(hub), "the orphan to be forgotten")
