from typing import Any

import pytest

from tests.support.hub import Hub, Spoke, message, pool, statement, unique


@pytest.fixture
def path(hub: Hub, environment: str) -> str:
    """Path of the statements of an environment with a dedicated pool `template`."""
    hub.post(f"{environment}/compute-pools", pool("template", "DEDICATED"))
    return f"{environment}/statements"


@pytest.fixture
def shared(hub: Hub, environment: str) -> str:
    """Name of a RUNNING shared pool."""
    name = unique("pool")
    hub.post(f"{environment}/compute-pools", pool(name))
    hub.until(f"{environment}/compute-pools/{name}", "status.phase", "RUNNING")
    return name


@pytest.mark.rule("P01", "P02", "P04", "P09", "P66")
def test_a_statement_on_a_dedicated_pool_has_a_cluster_of_its_own(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("stmt")
    answer = hub.post(path, statement(name, "template", parallelism=3))
    assert answer.status_code == 200
    created = answer.json()
    assert created["status"]["phase"] == "PENDING"
    assert created["spec"]["stopped"] is False
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    deployed = home.deployments()[name]["spec"]
    assert deployed["serviceAccount"] == "flink"
    assert deployed["job"]["parallelism"] == 3
    assert "INSERT INTO a SELECT * FROM b" in str(deployed["job"]["args"])


@pytest.mark.rule("P05", "E23", "E24")
def test_statements_on_a_shared_pool_share_its_cluster(hub: Hub, home: Spoke, path: str, shared: str) -> None:
    names = [unique("stmt"), unique("stmt")]
    for name in names:
        assert hub.post(path, statement(name, shared)).status_code == 200
    for name in names:
        hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    jobs = home.session_jobs()
    assert {jobs[name]["spec"]["deploymentName"] for name in names} == {shared}
    assert not set(names) & set(home.deployments())


@pytest.mark.rule("P01", "NAME", "FKO1", "FKO36")
@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ({"metadata": {"name": "stmt"}, "spec": {"statement": "SELECT 1"}}, 400, "computePoolName"),
        ({"metadata": {"name": "stmt"}, "spec": {"computePoolName": "template"}}, 400, "statement"),
        (statement("stmt", "no-such-pool"), 422, "'no-such-pool' does not exist"),
        (statement("stmt", "template", parallelism=0), 400, "parallelism"),
        (statement("abc", "template"), 400, "size must be"),
        (statement("Upper", "template"), 400, "lower-case"),
        (statement("x" * 46, "template"), 422, "45 characters"),
        (statement("stmt", "template", startFromSavepoint={"uid": "x"}), 422, "only for updates"),
        (statement("stmt", "template", flinkConfiguration={"kubernetes.cluster-id": "x"}), 422, "cluster-id"),
    ],
)
def test_what_breaks_a_rule_is_refused(hub: Hub, path: str, body: dict[str, Any], status: int, text: str) -> None:
    answer = hub.post(path, body)
    assert answer.status_code == status, answer.text
    assert text in message(answer)
    assert hub.get(path).json()["items"] == []


@pytest.mark.rule("P21")
def test_a_shared_pool_that_is_not_running_takes_no_statements(hub: Hub, environment: str, path: str) -> None:
    asleep = unique("pool")
    hub.post(f"{environment}/compute-pools", pool(asleep, state="SUSPENDED"))
    answer = hub.post(path, statement(unique("stmt"), asleep))
    assert answer.status_code == 409
    assert "SUSPENDED" in message(answer)


def test_a_statement_is_created_once(hub: Hub, path: str) -> None:
    name = unique("stmt")
    hub.post(path, statement(name, "template"))
    assert hub.post(path, statement(name, "template")).status_code == 409


def test_a_statement_is_stopped_resumed_and_rescaled(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("stmt")
    hub.post(path, statement(name, "template"))
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    stopped = hub.put(f"{path}/{name}", statement(name, "template", stopped=True))
    assert (stopped.status_code, stopped.content) == (200, b"")
    assert stopped.headers["content-type"] == "application/json"
    hub.until(f"{path}/{name}", "status.phase", "STOPPED")
    assert hub.put(f"{path}/{name}", statement(name, "template", parallelism=4)).status_code == 200
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    assert home.deployments()[name]["spec"]["job"]["parallelism"] == 4


@pytest.mark.rule("STATEMENT")
def test_text_and_pool_of_a_statement_stay(hub: Hub, environment: str, path: str) -> None:
    name = unique("stmt")
    hub.post(f"{environment}/compute-pools", pool("other", "DEDICATED"))
    hub.post(path, statement(name, "template"))
    for body in (statement(name, "other"), statement(name, "template", statement="SELECT 2")):
        answer = hub.put(f"{path}/{name}", body)
        assert answer.status_code == 422
        assert "immutable" in message(answer)
    assert hub.put(f"{path}/nobody", statement("nobody", "template")).status_code == 404


@pytest.mark.rule("FKO3")
def test_a_statement_is_not_reconfigured_to_what_no_operator_takes(hub: Hub, path: str) -> None:
    name = unique("stmt")
    assert hub.post(path, statement(name, "template")).status_code == 200
    answer = hub.put(f"{path}/{name}", statement(name, "template", flinkConfiguration={"kubernetes.namespace": "x"}))
    assert (answer.status_code, "kubernetes.namespace" in message(answer)) == (422, True)
    assert hub.put(f"{path}/{name}", statement(name, "template", stopped=True)).status_code == 200


def test_an_unknown_savepoint_is_refused(hub: Hub, path: str) -> None:
    name = unique("stmt")
    hub.post(path, statement(name, "template"))
    answer = hub.put(f"{path}/{name}", statement(name, "template", startFromSavepoint={"savepointName": "none"}))
    assert answer.status_code == 422
    assert "'none' does not exist" in message(answer)


@pytest.mark.rule("D29")
@pytest.mark.parametrize("kind", ["DEDICATED", "SHARED"])
def test_a_deleted_statement_goes_with_its_job(
    hub: Hub, home: Spoke, environment: str, path: str, shared: str, kind: str
) -> None:
    name = unique("stmt")
    hub.post(path, statement(name, shared if kind == "SHARED" else "template"))
    hub.until(f"{path}/{name}", "status.phase", "RUNNING")
    answer = hub.delete(f"{path}/{name}")
    assert answer.status_code in (202, 204)
    assert answer.content == b""
    hub.gone(f"{path}/{name}")
    assert name not in {**home.deployments(), **home.session_jobs()}
    assert hub.delete(f"{path}/{name}").status_code == 404


@pytest.mark.rule("D29")
def test_while_its_job_ends_a_statement_is_deleting(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("stmt")
    hub.post(path, statement(name, "template"))
    home.patch(name, {"metadata": {"finalizers": ["example.com/held"]}})
    for _ in range(2):
        assert hub.delete(f"{path}/{name}").status_code == 202
    assert hub.get(f"{path}/{name}").json()["status"]["phase"] == "DELETING"
    assert hub.put(f"{path}/{name}", statement(name, "template", stopped=True)).status_code == 409
    home.patch(name, {"metadata": {"finalizers": None}})
    hub.gone(f"{path}/{name}")


@pytest.mark.rule("C51")
def test_a_forced_deletion_leaves_the_job(hub: Hub, home: Spoke, path: str) -> None:
    name = unique("stmt")
    hub.post(path, statement(name, "template"))
    assert hub.delete(f"{path}/{name}?force=true").status_code == 204
    assert hub.get(f"{path}/{name}").status_code == 404
    assert name in home.deployments()


def test_statements_are_listed_by_pool_phase_and_name(hub: Hub, path: str, shared: str) -> None:
    on_template, on_shared, stopped = unique("aa"), unique("bb"), unique("ab")
    hub.post(path, statement(on_template, "template"))
    hub.post(path, statement(on_shared, shared, statement="INSERT INTO needle SELECT 1"))
    hub.post(path, statement(stopped, "template", stopped=True))
    hub.until(f"{path}/{on_template}", "status.phase", "RUNNING")
    hub.until(f"{path}/{on_shared}", "status.phase", "RUNNING")

    def names(query: str) -> list[str]:
        return [item["metadata"]["name"] for item in hub.get(f"{path}?{query}").json()["items"]]

    assert names(f"compute-pool={shared}") == [on_shared]
    assert names("phase=running&sort=name") == sorted([on_template, on_shared])
    assert names("filter=phase=STOPPED") == [stopped]
    assert names("name=a*") == sorted([on_template, stopped])
    assert names("search=NEEDLE&searchScope=name,statement") == [on_shared]
    assert hub.get(f"{path}?phase=asleep").status_code == 400
