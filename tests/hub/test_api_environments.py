from collections.abc import Callable

import pytest

from tests.support.hub import Hub, Spoke, application, message, pool, unique


@pytest.mark.rule("C05", "E10", "D13", "D15")
def test_an_environment_is_created_on_the_hubs_own_cluster(hub: Hub) -> None:
    name = unique("env")
    answer = hub.post("/environments", {"name": name, "kubernetesNamespace": "flink"})
    assert answer.status_code == 200
    created = answer.json()
    assert created["name"] == created["metadata"]["name"] == name
    assert created["kubernetesNamespace"] == "flink"
    assert created["kubernetesClusterName"] == "default-k8s-cluster"
    assert created["created_time"] == created["metadata"]["creationTimestamp"]
    assert created["created_time"].endswith("Z")
    assert created["status"]["kubernetesCluster"]["state"] == "CONNECTED"
    found = hub.get(f"/environments/{name}").json()
    for each in (found, created):
        del each["status"]["kubernetesCluster"]["lastHeartbeatTimestamp"]  # another heartbeat may have come
    assert found == created
    assert name in [item["name"] for item in hub.get("/environments?size=1000").json()["items"]]


@pytest.mark.rule("D15")
def test_the_name_may_be_in_either_place_but_not_differ(hub: Hub) -> None:
    name = unique("env")
    inner = {"metadata": {"name": name}, "kubernetesNamespace": "flink"}
    assert hub.post("/environments", inner).json()["name"] == name
    answer = hub.post("/environments", {**inner, "name": "other"})
    assert answer.status_code == 400
    assert "differ" in message(answer)


@pytest.mark.rule("C06", "C08", "E45")
def test_an_environment_may_be_bound_to_any_cluster(hub: Hub, home: Spoke, spoke: Spoke) -> None:
    environment = hub.environment("flink", "spoke")
    name = unique("app")
    assert hub.post(f"{environment}/applications", application(name)).status_code == 201
    assert name in spoke.deployments()
    assert name not in home.deployments()


@pytest.mark.rule("C07")
def test_an_unknown_cluster_is_refused(hub: Hub) -> None:
    body = {"name": unique("env"), "kubernetesNamespace": "flink", "kubernetesClusterName": "nowhere"}
    answer = hub.post("/environments", body)
    assert answer.status_code == 400
    assert message(answer) == "Environment's kubernetesClusterName 'nowhere' does not exist."


@pytest.mark.rule("E02")
def test_an_unknown_namespace_is_refused(hub: Hub) -> None:
    answer = hub.post("/environments", {"name": unique("env"), "kubernetesNamespace": "fl"})
    assert answer.status_code == 400
    assert message(answer) == "Environment's kubernetesNamespace 'fl' does not exist."


@pytest.mark.rule("NAME")
@pytest.mark.parametrize("name", ["abc", "Upper", "with space", "-dash", "x" * 254, ""])
def test_bad_names_are_refused(hub: Hub, name: str) -> None:
    answer = hub.post("/environments", {"name": name, "kubernetesNamespace": "flink"})
    assert answer.status_code == 400
    assert message(answer)


def test_an_environment_needs_a_namespace(hub: Hub) -> None:
    answer = hub.post("/environments", {"name": unique("env")})
    assert answer.status_code == 400
    assert "kubernetesNamespace" in message(answer)


@pytest.mark.rule("E40")
def test_an_environment_cannot_move(hub: Hub, environment: str) -> None:
    name = environment.rpartition("/")[2]
    for change in ({"kubernetesNamespace": "elsewhere"}, {"kubernetesClusterName": "spoke"}):
        answer = hub.post("/environments", {"name": name, **change})
        assert answer.status_code == 400
        assert "immutable" in message(answer)
    assert hub.get(environment).json()["kubernetesClusterName"] == "default-k8s-cluster"


def test_an_update_keeps_what_is_absent_or_null_and_clears_what_is_empty(hub: Hub) -> None:
    defaults = {"spec": {"flinkConfiguration": {"a": "1"}}}
    environment = hub.environment(
        "flink",
        flinkApplicationDefaults=defaults,
        computePoolDefaults=defaults,
        metadata={"labels": {"team": "red"}},
    )
    before, name = hub.get(environment).json(), environment.rpartition("/")[2]
    after = hub.post(
        "/environments", {"name": name, "flinkApplicationDefaults": None, "computePoolDefaults": {}}
    ).json()
    assert after["flinkApplicationDefaults"] == defaults
    assert after["computePoolDefaults"] == {}
    assert after["metadata"]["labels"] == {"team": "red"}
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["created_time"] == before["created_time"]
    assert after["updated_time"] > before["updated_time"]


def test_a_setting_lets_an_update_clear_what_is_absent(own_hub: Callable[..., Hub]) -> None:
    hub = own_hub(CMF_ENVIRONMENT_ABSENT_CLEARS="true")
    defaults = {"spec": {"flinkConfiguration": {"a": "1"}}}
    environment = hub.environment(
        "flink", flinkApplicationDefaults=defaults, computePoolDefaults=defaults, metadata={"labels": {"team": "red"}}
    )
    name = environment.rpartition("/")[2]
    after = hub.post("/environments", {"name": name, "computePoolDefaults": defaults}).json()
    assert "flinkApplicationDefaults" not in after
    assert after["computePoolDefaults"] == defaults
    assert after["metadata"]["labels"] == {"team": "red"}
    assert after["kubernetesNamespace"] == "flink"


def test_what_only_the_hub_writes_cannot_be_set(hub: Hub) -> None:
    name = unique("env")
    sent = {
        "name": name,
        "kubernetesNamespace": "flink",
        "created_time": "1999-01-01T00:00:00Z",
        "status": {"kubernetesCluster": {"state": "DISCONNECTED"}},
        "metadata": {"uid": "mine", "creationTimestamp": "1999-01-01T00:00:00Z"},
    }
    created = hub.post("/environments", sent).json()
    assert "1999" not in str(created)
    assert created["metadata"]["uid"] != "mine"
    assert created["status"]["kubernetesCluster"]["state"] == "CONNECTED"


@pytest.mark.rule("C52")
@pytest.mark.parametrize("force", ["", "?force=true"])
def test_only_an_empty_environment_is_deleted(hub: Hub, environment: str, force: str) -> None:
    hub.post(f"{environment}/compute-pools", pool("only", "DEDICATED"))
    refused = hub.delete(environment + force)
    assert refused.status_code == 409
    assert "1 compute pools" in message(refused)
    hub.delete(f"{environment}/compute-pools/only")
    assert hub.delete(environment + force).status_code == 204
    assert hub.get(environment).status_code == 404
    assert hub.delete(environment + force).status_code == 404


@pytest.mark.rule("E03", "E04", "E06", "D17", "E01")
def test_defaults_are_laid_over_applications_and_redeploy_them_when_they_change(hub: Hub, home: Spoke) -> None:
    slots = {"taskmanager.numberOfTaskSlots": "4"}
    defaults = {"metadata": {"labels": {"cost-centre": "42"}}, "spec": {"flinkConfiguration": slots}}
    environment = hub.environment("flink", flinkApplicationDefaults=defaults)
    name = unique("app")
    sent = application(name)
    stored = hub.post(f"{environment}/applications", sent).json()
    assert stored["spec"] == sent["spec"]
    deployed = home.deployments()[name]
    assert deployed["spec"]["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "4"
    assert deployed["metadata"]["labels"]["cost-centre"] == "42"
    slots["taskmanager.numberOfTaskSlots"] = "8"
    hub.post("/environments", {"name": environment.rpartition("/")[2], "flinkApplicationDefaults": defaults})
    hub.until(f"{environment}/applications/{name}", "status.observedGeneration", 2)
    assert home.deployments()[name]["spec"]["flinkConfiguration"]["taskmanager.numberOfTaskSlots"] == "8"


@pytest.mark.rule("E11")
def test_environments_are_listed_page_by_page(hub: Hub) -> None:
    team = unique("team")
    names = sorted(hub.environment("flink", metadata={"labels": {"team": team}}).rpartition("/")[2] for _ in range(5))
    query = f"/environments?filter=labels.team={team}&sort=name,desc&size=2"
    pages = [hub.get(f"{query}&page={number}").json() for number in range(4)]
    assert [[item["name"] for item in page["items"]] for page in pages] == [
        [names[4], names[3]],
        [names[2], names[1]],
        [names[0]],
        [],
    ]
    assert {page["metadata"]["size"] for page in pages} == {5}
    assert pages[1]["pageable"] == {"page": 1, "size": 2, "sort": {"sorted": True, "unsorted": False, "empty": False}}


def test_environments_are_searched(hub: Hub) -> None:
    name = hub.environment("flink").rpartition("/")[2]
    found = hub.get(f"/environments?search={name.upper()}&searchScope=name,kubernetesNamespace").json()["items"]
    assert name in [item["name"] for item in found]
    assert hub.get("/environments?search=x").status_code == 400
    assert hub.get("/environments?search=x&searchScope=status").status_code == 400
    assert hub.get("/environments?sort=password").status_code == 400
