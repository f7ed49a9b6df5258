from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hub import Hub, Spoke, application, message, pool, statement, unique
from tests.support.savepoints import DIRECTORIES, completed, durable, running, savepoint
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]


@pytest.fixture
def path(hub: Hub, environment: str) -> str:
    """Path of a running application."""
    return running(hub, environment)


@pytest.mark.rule("E27", "D32")
def test_a_savepoint_is_taken_by_a_snapshot(hub: Hub, home: Spoke, path: str) -> None:
    answer = hub.post(f"{path}/savepoints", savepoint("nightly", {"labels": {"tier": "gold"}}))
    assert answer.status_code == 201
    created = answer.json()
    assert (created["kind"], created["metadata"]["name"]) == ("Savepoint", "nightly")
    assert created["spec"] == {"backoffLimit": -1, "formatType": "CANONICAL"}
    assert created["status"]["state"] in ("TRIGGER_PENDING", "IN_PROGRESS", "COMPLETED")
    done = hub.until(f"{path}/savepoints/nightly", "status.state", "COMPLETED")
    assert done["status"]["path"].startswith("s3://bucket/savepoints/savepoint-")
    assert done["status"]["triggerTimestamp"] <= done["status"]["resultTimestamp"]
    assert (done["status"]["failures"], done["status"]["pendingDeletion"]) == (0, False)
    name = path.rpartition("/")[2]
    snapshot = home.snapshots()[f"{name}-{created['metadata']['uid']}"]
    assert snapshot["spec"]["jobReference"] == {"kind": "FlinkDeployment", "name": name}
    assert snapshot["spec"]["savepoint"]["disposeOnDelete"] is False
    assert snapshot["metadata"]["labels"]["tier"] == "gold"
    assert hub.post(f"{path}/savepoints", savepoint("nightly")).status_code == 409


def test_a_savepoint_without_a_name_gets_one(hub: Hub, path: str) -> None:
    first, second = (completed(hub, path)["metadata"]["name"] for _ in range(2))
    assert first != second
    assert first.startswith(path.rpartition("/")[2])


@pytest.mark.parametrize("kind", ["DEDICATED", "SHARED"])
def test_statements_have_savepoints_too(hub: Hub, home: Spoke, environment: str, kind: str) -> None:
    of_pool, name = unique("pool"), unique("stmt")
    hub.post(f"{environment}/compute-pools", pool(of_pool, kind, cluster={"flinkConfiguration": DIRECTORIES}))
    if kind == "SHARED":
        hub.until(f"{environment}/compute-pools/{of_pool}", "status.phase", "RUNNING")
    assert hub.post(f"{environment}/statements", statement(name, of_pool)).status_code == 200
    path = f"{environment}/statements/{name}"
    hub.until(path, "status.phase", "RUNNING")
    done = completed(hub, path, "before-change")
    reference = home.snapshots()[f"{name}-{done['metadata']['uid']}"]["spec"]["jobReference"]
    assert reference == {"kind": "FlinkSessionJob" if kind == "SHARED" else "FlinkDeployment", "name": name}
    assert [item["metadata"]["name"] for item in hub.get(f"{path}/savepoints").json()["items"]] == ["before-change"]
    assert hub.post(f"{path}/savepoints/before-change/detach").status_code == 404
    assert hub.delete(f"{path}/savepoints/before-change").status_code == 204
    hub.gone(f"{path}/savepoints/before-change")


@pytest.mark.rule("E27")
def test_a_query_on_a_shared_pool_has_no_savepoints(hub: Hub, environment: str) -> None:
    of_pool, name = unique("pool"), unique("stmt")
    hub.post(f"{environment}/compute-pools", pool(of_pool, cluster={"flinkConfiguration": DIRECTORIES}))
    hub.until(f"{environment}/compute-pools/{of_pool}", "status.phase", "RUNNING")
    body = statement(name, of_pool, statement="SELECT * FROM b")
    assert hub.post(f"{environment}/statements", body).status_code == 200
    path = f"{environment}/statements/{name}"
    answer = hub.post(f"{path}/savepoints", savepoint("sp"))
    assert (answer.status_code, "no job that the Flink Kubernetes Operator runs" in message(answer)) == (422, True)


def test_savepoints_are_listed_as_everything_is(hub: Hub, path: str) -> None:
    for name, tier in (("sp-one", "gold"), ("sp-two", "tin"), ("other", "gold")):
        hub.post(f"{path}/savepoints", savepoint(name, {"labels": {"tier": tier}}))

    def names(query: str) -> list[str]:
        return [item["metadata"]["name"] for item in hub.get(f"{path}/savepoints?{query}").json()["items"]]

    assert names("") == ["other", "sp-one", "sp-two"]
    assert names("filter=name=sp-*,labels.tier in (gold, silver)") == ["sp-one"]
    assert names("sort=name,desc&size=2&page=1") == ["other"]
    assert hub.get(f"{path}/savepoints?size=1").json()["metadata"]["size"] == 3
    assert hub.get(f"{path}/savepoints?sort=colour").status_code == 400
    (first, *_) = hub.get(f"{path}/savepoints?fields=metadata.name").json()["items"]
    assert first == {"apiVersion": "cmf.confluent.io/v1", "kind": "Savepoint", "metadata": {"name": "other"}}


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (savepoint("Upper"), 400, "lower-case"),
        (savepoint("../../escape"), 400, "lower-case"),
        (savepoint("x" * 254), 400, "size must be"),
        (savepoint("sp", backoffLimit="many"), 400, "backoffLimit"),
        (savepoint("sp", backoffLimit=-2), 400, "backoffLimit"),
        (savepoint("sp", backoffLimit=2**40), 400, "backoffLimit"),
        (savepoint("sp", formatType="ZIP"), 400, "formatType"),
        (savepoint("sp", path="no/where"), 422, "neither a URI"),
        (savepoint("sp", path="s3://bucket/a b"), 422, "neither a URI"),
        (savepoint("sp", path="s3://bucket/\u0000"), 422, "neither a URI"),
        (savepoint("sp", path="/" * 5000), 422, "neither a URI"),
        ({**savepoint("sp"), "kind": "Statement"}, 400, "kind"),
        ({**savepoint("sp"), "spec": []}, 400, "spec"),
        (savepoint("sp", {"labels": {"a b": "c"}}), 422, "a b"),
    ],
)
def test_what_breaks_a_rule_is_refused_and_leaves_nothing(
    hub: Hub, path: str, body: dict[str, Any], status: int, text: str
) -> None:
    answer = hub.post(f"{path}/savepoints", body)
    assert answer.status_code == status, answer.text
    assert text in message(answer)
    assert hub.get(f"{path}/savepoints").json()["items"] == []


def test_savepoints_of_what_is_not_there_are_not_found(hub: Hub, environment: str, path: str) -> None:
    for holder, text in (
        ("/environments/nowhere/applications/app1", "Environment 'nowhere'"),
        (f"{environment}/applications/nobody", "FlinkApplication 'nobody'"),
        (f"{environment}/statements/nobody", "Statement 'nobody'"),
    ):
        for answer in (
            hub.get(f"{holder}/savepoints"),
            hub.post(f"{holder}/savepoints", savepoint("sp")),
            hub.get(f"{holder}/savepoints/sp"),
            hub.delete(f"{holder}/savepoints/sp"),
            hub.delete(f"{holder}/savepoints/sp?force=true"),
        ):
            assert answer.status_code == 404
            assert text in message(answer)
    for answer in (hub.get(f"{path}/savepoints/none"), hub.post(f"{path}/savepoints/none/detach")):
        assert answer.status_code == 404
        assert "Savepoint 'none' does not exist of FlinkApplication" in message(answer)


@pytest.mark.rule("E33")
def test_a_savepoint_needs_a_folder(hub: Hub, environment: str) -> None:
    name = unique("app")
    path = f"{environment}/applications/{name}"
    hub.post(f"{environment}/applications", application(name))
    hub.until(path, "status.jobStatus.state", "RUNNING")
    answer = hub.post(f"{path}/savepoints", savepoint("sp"))
    assert (answer.status_code, "state.savepoints.dir" in message(answer)) == (422, True)
    assert hub.post(f"{path}/savepoints", savepoint("sp", path="s3://other/")).status_code == 201
    done = hub.until(f"{path}/savepoints/sp", "status.state", "COMPLETED")
    assert done["status"]["path"].startswith("s3://other/savepoint-")


@pytest.mark.rule("E27")
def test_a_suspended_application_has_no_state_to_keep(hub: Hub, environment: str, path: str) -> None:
    hub.post(f"{path}/suspend")
    answer = hub.post(f"{path}/savepoints", savepoint("sp"))
    assert (answer.status_code, "start it first" in message(answer)) == (422, True)


def test_a_failing_savepoint_says_so_and_is_abandoned_with_its_job(hub: Hub, home: Spoke, path: str) -> None:
    name = path.rpartition("/")[2]
    home.patch(name, {"metadata": {"annotations": {"standin.flink/fail-savepoint": "true"}}})
    body = savepoint("sp", {"annotations": {"standin.flink/fail-savepoint": "true"}}, backoffLimit=0)
    assert hub.post(f"{path}/savepoints", body).status_code == 201
    failed = hub.until(f"{path}/savepoints/sp", "status.state", "FAILED")
    assert failed["status"]["failures"] == 1
    assert "told to fail" in failed["status"]["error"]


def test_a_deleted_savepoint_waits_for_its_data_to_go(hub: Hub, home: Spoke, path: str) -> None:
    object_name = f"{path.rpartition('/')[2]}-{completed(hub, path, 'sp')['metadata']['uid']}"
    hub.post(f"{path}/suspend")
    hub.until(path, "status.lifecycleState", "SUSPENDED")
    assert hub.delete(f"{path}/savepoints/sp").status_code == 204
    waiting = hub.until(f"{path}/savepoints/sp", "status.pendingDeletion", True)
    assert "force=true" in waiting["status"]["error"]
    assert home.snapshots()[object_name]["spec"]["savepoint"]["disposeOnDelete"] is True
    answer = hub.post(f"{path}/start?startFromSavepointUid={waiting['metadata']['uid']}")
    assert (answer.status_code, "being deleted" in message(answer)) == (422, True)
    assert hub.delete(f"{path}/savepoints/sp").status_code == 204
    assert hub.delete(f"{path}/savepoints/sp?force=true").status_code == 204
    assert hub.get(f"{path}/savepoints/sp").status_code == 404
    wait_for(lambda: object_name not in home.snapshots(), "the snapshot to be released")


def test_force_alone_deletes_as_usual(hub: Hub, home: Spoke, path: str) -> None:
    completed(hub, path, "sp")
    assert hub.delete(f"{path}/savepoints/sp?force=true").status_code == 204
    hub.gone(f"{path}/savepoints/sp")
    wait_for(lambda: not _of(home, path), "the snapshot to be gone")


@pytest.mark.parametrize("force", ["false", "true"])
def test_savepoints_go_with_their_application_and_their_data_stay(hub: Hub, home: Spoke, path: str, force: str) -> None:
    completed(hub, path, "sp")
    (snapshot,) = _of(home, path)
    assert snapshot["spec"]["savepoint"]["disposeOnDelete"] is False
    assert hub.delete(f"{path}?force={force}").status_code == 204
    hub.gone(path)
    assert hub.get(f"{path}/savepoints").status_code == 404
    wait_for(lambda: not _of(home, path), "the snapshot to be gone")
    environment, _, name = path.partition("/applications/")
    if force == "false":
        assert hub.post(f"{environment}/applications", durable(name)).status_code == 201
        assert hub.get(f"{path}/savepoints").json()["items"] == []


@pytest.mark.rule("E51")
def test_a_detached_savepoint_outlives_its_application(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("keep")
    before = completed(hub, path, name)
    answer = hub.post(f"{path}/savepoints/{name}/detach")
    assert answer.status_code == 200, answer.text
    detached = answer.json()
    assert detached["metadata"]["uid"] == before["metadata"]["uid"]
    assert (detached["spec"]["path"], detached["status"]["path"]) == (before["status"]["path"],) * 2
    assert detached["status"]["state"] == "COMPLETED"
    assert hub.get(f"{path}/savepoints/{name}").status_code == 404
    wait_for(lambda: not _of(home, path), "the snapshot to be gone")
    hub.delete(path)
    hub.gone(path)
    assert hub.get(f"/detached-savepoints/{name}").json() == detached
    assert hub.delete(f"/detached-savepoints/{name}").status_code == 204
    assert hub.delete(f"/detached-savepoints/{name}").status_code == 404


@pytest.mark.rule("E51")
def test_only_what_is_completed_is_detached_and_under_a_free_name(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("keep")
    body = savepoint(name, {"annotations": {"standin.flink/fail-savepoint": "true"}}, backoffLimit=0)
    hub.post(f"{path}/savepoints", body)
    hub.until(f"{path}/savepoints/{name}", "status.state", "FAILED")
    answer = hub.post(f"{path}/savepoints/{name}/detach")
    assert (answer.status_code, "only a COMPLETED one" in message(answer)) == (409, True)
    other = unique("keep")
    completed(hub, path, other)
    hub.post("/detached-savepoints", savepoint(other, path="s3://a/b"))
    answer = hub.post(f"{path}/savepoints/{other}/detach")
    assert (answer.status_code, "already" in message(answer)) == (409, True)
    assert hub.get(f"{path}/savepoints/{other}").status_code == 200


@pytest.mark.rule("E51")
def test_detached_savepoints_are_made_by_hand(hub: Hub) -> None:
    prefix = unique("hand")
    for suffix in ("one", "two"):
        answer = hub.post("/detached-savepoints", savepoint(f"{prefix}-{suffix}", path=f"s3://bucket/{suffix}"))
        assert answer.status_code == 201
        assert answer.json()["status"]["path"] == f"s3://bucket/{suffix}"
    listed = hub.get(f"/detached-savepoints?name={prefix}").json()
    assert [item["metadata"]["name"] for item in listed["items"]] == [f"{prefix}-one", f"{prefix}-two"]
    assert hub.get("/detached-savepoints?name=hand[").json()["items"] == []
    assert hub.post("/detached-savepoints", savepoint(f"{prefix}-one", path="s3://x/y")).status_code == 409
    for path in (None, "", "relative", "s3://a\nb"):
        answer = hub.post("/detached-savepoints", savepoint(f"{prefix}-three", path=path))
        assert answer.status_code == 422, path
    assert hub.post("/detached-savepoints", savepoint(path="s3://a/b")).json()["metadata"]["name"]


@pytest.mark.rule("E26")
def test_an_application_starts_from_its_own_savepoint(hub: Hub, home: Spoke, path: str) -> None:
    name = path.rpartition("/")[2]
    done = completed(hub, path, "sp")
    hub.post(f"{path}/suspend")
    hub.until(path, "status.lifecycleState", "SUSPENDED")
    answer = hub.post(f"{path}/start?startFromSavepointUid={done['metadata']['uid']}")
    assert answer.status_code == 200, answer.text
    assert answer.json()["spec"]["job"] == durable(name)["spec"]["job"]
    job = home.deployments()[name]["spec"]["job"]
    assert job["initialSavepointPath"] == done["status"]["path"]
    assert job["savepointRedeployNonce"]
    hub.until(path, "status.lifecycleState", "STABLE")
    info = hub.get(path).json()["status"]["jobStatus"]["savepointInfo"]
    assert info["lastSavepoint"]["location"] == done["status"]["path"]
    hub.post(f"{path.rpartition('/')[0]}", durable(name, parallelism=3))
    again = home.deployments()[name]["spec"]["job"]
    assert (again["parallelism"], again["savepointRedeployNonce"]) == (3, job["savepointRedeployNonce"])


@pytest.mark.rule("E26", "E51")
def test_an_application_elsewhere_starts_from_a_detached_savepoint(
    hub: Hub, home: Spoke, spoke: Spoke, path: str
) -> None:
    sp = unique("failover")
    done = completed(hub, path, sp)
    there = f"{hub.environment('flink', 'spoke')}/applications"
    name = unique("app")
    hub.post(there, durable(name, state="suspended"))
    answer = hub.post(f"{there}/{name}/start?startFromSavepointUid={done['metadata']['uid']}")
    assert (answer.status_code, "no savepoint with uid" in message(answer)) == (404, True)
    hub.post(f"{path}/savepoints/{sp}/detach")
    assert hub.post(f"{there}/{name}/start?startFromSavepointUid={done['metadata']['uid']}").status_code == 200
    hub.until(f"{there}/{name}", "status.jobStatus.state", "RUNNING")
    assert spoke.deployments()[name]["spec"]["job"]["initialSavepointPath"] == done["status"]["path"]


@pytest.mark.rule("E26")
def test_what_the_user_says_later_wins_over_the_start(hub: Hub, home: Spoke, path: str) -> None:
    name = path.rpartition("/")[2]
    hub.post(f"{path}/start?startFromSavepointUid={completed(hub, path, 'sp')['metadata']['uid']}")
    own = {"initialSavepointPath": "s3://mine/1", "savepointRedeployNonce": 7}
    hub.post(path.rpartition("/")[0], durable(name, **own))
    job = home.deployments()[name]["spec"]["job"]
    assert {key: job[key] for key in own} == own
    hub.post(path.rpartition("/")[0], durable(name))
    job = home.deployments()[name]["spec"]["job"]
    assert "savepointRedeployNonce" not in job


@pytest.mark.rule("E26")
def test_a_statement_starts_from_the_savepoint_that_an_update_names(hub: Hub, home: Spoke, environment: str) -> None:
    of_pool, name = unique("pool"), unique("stmt")
    hub.post(f"{environment}/compute-pools", pool(of_pool, "DEDICATED", cluster={"flinkConfiguration": DIRECTORIES}))
    hub.post(f"{environment}/statements", statement(name, of_pool))
    path = f"{environment}/statements/{name}"
    hub.until(path, "status.phase", "RUNNING")
    done = completed(hub, path, "sp")

    def put(start: dict[str, Any] | None = None, **spec: Any) -> tuple[int, str]:
        body = statement(name, of_pool, **({"startFromSavepoint": start} if start is not None else {}), **spec)
        answer = hub.put(path, body)
        return answer.status_code, "" if answer.status_code == 200 else message(answer)

    def job() -> dict[str, Any]:
        found: dict[str, Any] = home.deployments()[name]["spec"]["job"]
        return found

    for start, text in (
        ({"savepointName": "none"}, "does not exist"),
        ({"uid": "none"}, "does not exist"),
        ({"savepointName": "sp", "uid": "none"}, "does not exist"),
        ({"allowNonRestoredState": True}, "names no savepoint"),
        ({"savepointName": "sp", "initialSavepointPath": "s3://a/b"}, "leave one of them out"),
        ({"initialSavepointPath": "not a path"}, "neither a URI"),
    ):
        status, why = put(start)
        assert (status, text in why) == (422, True), why
    assert put({"savepointName": "sp", "allowNonRestoredState": True}) == (200, "")
    first = job()
    assert first["initialSavepointPath"] == done["status"]["path"]
    assert first["allowNonRestoredState"] is True
    assert put({"savepointName": "sp", "allowNonRestoredState": True}, parallelism=2) == (200, "")
    assert job()["savepointRedeployNonce"] == first["savepointRedeployNonce"]
    hub.until(path, "status.phase", "RUNNING")
    assert put(stopped=True) == (200, "")
    hub.until(path, "status.phase", "STOPPED")
    assert put({"savepointName": "sp"}, stopped=True)[0] == 422
    assert put({"uid": done["metadata"]["uid"], "savepointRedeployNonce": 42}) == (200, "")
    assert (job()["initialSavepointPath"], job()["savepointRedeployNonce"]) == (done["status"]["path"], 42)
    hub.until(path, "status.phase", "RUNNING")


@pytest.mark.rule("E26")
def test_nothing_starts_from_a_savepoint_that_is_not_completed(hub: Hub, path: str) -> None:
    body = savepoint("sp", {"annotations": {"standin.flink/fail-savepoint": "true"}}, backoffLimit=0)
    uid = hub.post(f"{path}/savepoints", body).json()["metadata"]["uid"]
    hub.until(f"{path}/savepoints/sp", "status.state", "FAILED")
    answer = hub.post(f"{path}/start?startFromSavepointUid={uid}")
    assert (answer.status_code, "must be COMPLETED" in message(answer)) == (422, True)


@pytest.mark.rule("C33", "C35", "C36", "C37")
def test_a_lost_cluster_takes_no_savepoints_and_its_own_may_be_stale(own_hub: StartHub, spoke: Spoke) -> None:
    hub = own_hub()
    path = running(hub, hub.environment("flink", "spoke"))
    done = completed(hub, path, "sp")
    name = unique("keep")
    kept = hub.post("/detached-savepoints", savepoint(name, path="s3://bucket/kept")).json()
    spoke.cluster.pause()
    try:
        hub.connected("spoke", "DISCONNECTED")
        for answer in (
            hub.post(f"{path}/savepoints", savepoint("more")),
            hub.delete(f"{path}/savepoints/sp"),
            hub.delete(f"{path}/savepoints/sp?force=true"),
            hub.post(f"{path}/savepoints/sp/detach"),
            hub.post(f"{path}/start?startFromSavepointUid={done['metadata']['uid']}"),
        ):
            assert answer.status_code == 503
            assert "DISCONNECTED" in message(answer)
        stale = hub.get(f"{path}/savepoints/sp").json()
        assert "DISCONNECTED" in stale["status"].pop("warning")
        assert stale == done
        (listed,) = hub.get(f"{path}/savepoints").json()["items"]
        assert "DISCONNECTED" in listed["status"]["warning"]
        assert hub.get(f"/detached-savepoints/{name}").json() == kept
        assert hub.delete(f"/detached-savepoints/{name}").status_code == 204
    finally:
        spoke.cluster.resume()
    hub.connected("spoke")
    assert hub.get(f"{path}/savepoints/sp").json() == done


def test_savepoints_are_counted(own_hub: StartHub) -> None:
    hub = own_hub()

    def counted() -> tuple[int, int]:
        resources = hub.get("/resource-information").json()["status"]["resources"]
        return resources["savepoints"], resources["detachedSavepoints"]

    assert counted() == (0, 0)
    path = running(hub, hub.environment("flink"))
    first, _ = completed(hub, path, "sp-1"), completed(hub, path, "sp-2")
    hub.post("/detached-savepoints", savepoint(path="s3://a/b"))
    assert counted() == (2, 1)
    hub.post(f"{path}/savepoints/{first['metadata']['name']}/detach")
    assert counted() == (1, 2)
    hub.delete(path)
    hub.gone(path)
    assert counted() == (0, 2)


def _of(spoke: Spoke, path: str) -> list[dict[str, Any]]:
    """Return the snapshots of an application."""
    name = path.rpartition("/")[2]
    return [each for each in spoke.snapshots().values() if each["spec"]["jobReference"]["name"] == name]
