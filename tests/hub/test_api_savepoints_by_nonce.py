"""Savepoints on a cluster whose operator has no FlinkStateSnapshot."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cmf_localfleet import LocalCluster, ManagedProcess, install_crds
from cmf_localfleet.connection import connect
from kubernetes.client import ApiextensionsV1Api

from tests.support.hub import GROUP, Hub, Spoke, message, pool, statement, unique
from tests.support.savepoints import DIRECTORIES, completed, durable, running, savepoint
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]
STUCK = {"standin.flink/pending-taskmanager": "true"}
"""Annotation of an application whose job never runs, so that its savepoints wait."""


class Old(Spoke):
    """A cluster whose operator watches namespace `flink`, and can be stopped."""

    def __init__(self, cluster: LocalCluster, operator: ManagedProcess) -> None:
        super().__init__(cluster)
        self._operator = operator

    def start(self) -> None:
        command = Path(sys.executable).with_name("flink-operator-standin")
        kubeconfig = self.cluster.kubeconfig
        self._operator.launch([command, "run", "--kubeconfig", kubeconfig, "--speed", "50", "--namespace", "flink"])

    @contextmanager
    def without_operator(self) -> Iterator[None]:
        self._operator.stop()
        try:
            yield
        finally:
            self.start()

    def job(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.deployments()[name]["spec"]["job"]
        return found

    def remove_snapshots(self) -> None:
        with connect(self.cluster.kubeconfig) as client:
            api: Any = ApiextensionsV1Api(client)
            name = f"flinkstatesnapshots.{GROUP}"
            api.delete_custom_resource_definition(name)

            def present() -> list[str]:
                return [crd.metadata.name for crd in api.list_custom_resource_definition().items]

            wait_for(lambda: name not in present(), "the CRD to be gone")


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    folder = tmp_path_factory.mktemp("old")
    cluster = LocalCluster(folder / "old", die_with_parent=True)
    cluster.launch()
    operator = ManagedProcess("standin", folder / "standin", die_with_parent=True)
    try:
        cluster.wait_ready()
        install_crds(cluster.kubeconfig)
        for namespace in ("flink", "unwatched"):
            cluster.create_namespace(namespace)
        spoke = Old(cluster, operator)
        spoke.remove_snapshots()
        spoke.start()
        yield spoke
    finally:
        operator.stop()
        cluster.kill()


@pytest.fixture
def hub(own_hub: StartHub, old: Old) -> Hub:
    """A hub that knows the old cluster."""
    started = own_hub(wait=(), CMF_SAVEPOINT_PATIENCE_SECONDS="1")
    started.register("old", old.cluster.kubeconfig)
    return started


@pytest.fixture
def environment(hub: Hub) -> str:
    """Path of an environment on the old cluster."""
    return hub.environment("flink", "old")


def restart(hub: Hub) -> None:
    hub.start()
    hub.connected("old")


@pytest.mark.rule("E25", "E27")
def test_a_savepoint_is_taken_once_by_a_nonce(hub: Hub, old: Old, environment: str) -> None:
    path = running(hub, environment)
    name = path.rpartition("/")[2]
    done = completed(hub, path, "sp")
    assert done["status"]["path"].startswith("s3://bucket/savepoints/savepoint-")
    assert done["status"]["triggerTimestamp"] <= done["status"]["resultTimestamp"]
    assert (done["status"]["failures"], done["status"]["pendingDeletion"]) == (0, False)
    nonce = old.job(name)["savepointTriggerNonce"]
    assert "savepointTriggerNonce" not in hub.get(path).json()["spec"]["job"]
    hub.process.stop()
    restart(hub)
    hub.post(f"{environment}/applications", durable(name, {"changed": "yes"}))
    deployed = old.deployments()[name]
    assert deployed["metadata"]["annotations"]["changed"] == "yes"
    assert deployed["spec"]["job"]["savepointTriggerNonce"] == nonce
    second = completed(hub, path, "sp-2")
    assert second["status"]["path"] != done["status"]["path"]
    history = hub.get(path).json()["status"]["jobStatus"]["savepointInfo"]["savepointHistory"]
    assert len(history) == 2
    assert hub.get(f"{path}/savepoints/sp").json() == done


@pytest.mark.rule("E25")
def test_a_nonce_of_the_user_is_the_users(hub: Hub, old: Old, environment: str) -> None:
    path = running(hub, environment, savepointTriggerNonce=1)
    name = path.rpartition("/")[2]
    completed(hub, path)
    hub.post(f"{environment}/applications", durable(name, savepointTriggerNonce=2))
    assert old.job(name)["savepointTriggerNonce"] == 2
    last = "status.jobStatus.savepointInfo.lastSavepoint.triggerNonce"
    hub.until(path, last, 2)
    completed(hub, path)
    assert old.job(name)["savepointTriggerNonce"] > 2


@pytest.mark.rule("E25")
def test_what_a_nonce_cannot_say_is_refused(hub: Hub, environment: str) -> None:
    path = running(hub, environment)
    for spec in ({"path": "s3://other/"}, {"formatType": "NATIVE"}):
        answer = hub.post(f"{path}/savepoints", savepoint("sp", **spec))
        assert (answer.status_code, "savepointTriggerNonce" in message(answer)) == (422, True)
    assert hub.get(f"{path}/savepoints").json()["items"] == []


@pytest.mark.rule("E25")
def test_one_savepoint_at_a_time_and_none_of_a_job_that_stops(hub: Hub, old: Old, environment: str) -> None:
    name = unique("app")
    path = f"{environment}/applications/{name}"
    hub.post(f"{environment}/applications", durable(name, STUCK))
    assert hub.post(f"{path}/savepoints", savepoint("first")).status_code == 201
    answer = hub.post(f"{path}/savepoints", savepoint("second"))
    assert (answer.status_code, "is taking savepoint 'first'" in message(answer)) == (409, True)
    assert hub.get(f"{path}/savepoints/second").status_code == 404
    hub.post(f"{path}/suspend")
    abandoned = hub.until(f"{path}/savepoints/first", "status.state", "ABANDONED")
    assert "suspended" in abandoned["status"]["error"]
    hub.post(f"{environment}/applications", durable(name))
    hub.until(path, "status.jobStatus.state", "RUNNING")
    assert completed(hub, path, "second")["status"]["state"] == "COMPLETED"
    assert hub.get(f"{path}/savepoints/first").json()["status"]["state"] == "ABANDONED"


@pytest.mark.rule("E25")
def test_a_savepoint_ends_while_the_hub_is_down(hub: Hub, old: Old, environment: str) -> None:
    path = running(hub, environment)
    with old.without_operator():
        assert hub.post(f"{path}/savepoints", savepoint("sp")).status_code == 201
        assert hub.get(f"{path}/savepoints/sp").json()["status"]["state"] == "TRIGGER_PENDING"
        waiting = hub.until(f"{path}/savepoints/sp", "status.error", _ANY, 60)
        assert "may not be running" in waiting["status"]["error"]
        hub.process.stop()
    name = path.rpartition("/")[2]

    def last() -> Any:
        info = old.deployments()[name]["status"]["jobStatus"]["savepointInfo"]
        return (info.get("lastSavepoint") or {}).get("triggerNonce")

    wait_for(lambda: last() == old.job(name)["savepointTriggerNonce"], "the operator to take the savepoint")
    restart(hub)
    done = hub.until(f"{path}/savepoints/sp", "status.state", "COMPLETED")
    assert "error" not in done["status"]


class _Any:
    def __eq__(self, other: object) -> bool:
        return other is not None

    __hash__ = object.__hash__


_ANY = _Any()


def test_a_savepoint_that_fails_says_so(hub: Hub, environment: str) -> None:
    name = unique("app")
    hub.post(f"{environment}/applications", durable(name, {"standin.flink/fail-savepoint": "true"}))
    path = f"{environment}/applications/{name}"
    hub.until(path, "status.jobStatus.state", "RUNNING")
    hub.post(f"{path}/savepoints", savepoint("sp"))
    failed = hub.until(f"{path}/savepoints/sp", "status.state", "FAILED")
    assert failed["status"]["failures"] == 1
    assert "operator" in failed["status"]["error"]


@pytest.mark.rule("E25", "E26")
def test_statements_on_a_shared_pool_have_savepoints_by_nonce(hub: Hub, old: Old, environment: str) -> None:
    of_pool, name = unique("pool"), unique("stmt")
    hub.post(f"{environment}/compute-pools", pool(of_pool, cluster={"flinkConfiguration": DIRECTORIES}))
    hub.until(f"{environment}/compute-pools/{of_pool}", "status.phase", "RUNNING")
    hub.post(f"{environment}/statements", statement(name, of_pool))
    path = f"{environment}/statements/{name}"
    hub.until(path, "status.phase", "RUNNING")
    done = completed(hub, path, "sp")
    body = statement(name, of_pool, startFromSavepoint={"savepointName": "sp"})
    assert hub.put(path, body).status_code == 200
    job = old.session_jobs()[name]["spec"]["job"]
    assert job["initialSavepointPath"] == done["status"]["path"]
    assert hub.delete(f"{path}/savepoints/sp").status_code == 204
    assert hub.get(f"{path}/savepoints/sp").status_code == 404
    assert old.session_jobs()[name]["spec"]["job"]["savepointTriggerNonce"] == job["savepointTriggerNonce"]


@pytest.mark.rule("E51")
def test_a_savepoint_by_nonce_is_detached(hub: Hub, environment: str) -> None:
    path, name = running(hub, environment), unique("keep")
    done = completed(hub, path, name)
    detached = hub.post(f"{path}/savepoints/{name}/detach").json()
    assert detached["spec"]["path"] == done["status"]["path"]
    hub.delete(path)
    hub.gone(path)
    assert hub.get(f"/detached-savepoints/{name}").status_code == 200


@pytest.mark.rule("E27")
def test_an_operator_that_does_not_know_snapshots_is_told_of(hub: Hub, old: Old) -> None:
    install_crds(old.cluster.kubeconfig)
    try:
        name = unique("app")
        path = f"{hub.environment('unwatched', 'old')}/applications"
        hub.post(path, durable(name))
        assert hub.post(f"{path}/{name}/savepoints", savepoint("sp")).status_code == 201
        waiting = hub.until(f"{path}/{name}/savepoints/sp", "status.error", _ANY, 60)
        assert waiting["status"]["state"] == "TRIGGER_PENDING"
        assert "CMF_SAVEPOINT_METHOD=nonce" in waiting["status"]["error"]
        assert hub.delete(f"{path}/{name}/savepoints/sp").status_code == 204
        assert hub.get(f"{path}/{name}/savepoints/sp").status_code == 404
    finally:
        old.remove_snapshots()
