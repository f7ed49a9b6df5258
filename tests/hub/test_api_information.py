"""What the hub says of itself, and of the numbers and use of everything in it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.support.hub import Hub, application, pool, secret, statement, unique

GI = 1024**3
WITH = "?include-resource-information=true"


def processes(cpu: float, gibibytes: int, count: int) -> dict[str, Any]:
    return {"cpu": cpu, "memory": gibibytes * GI, "count": count}


def summary(job_managers: int, task_managers: int) -> dict[str, Any]:
    """The summary of processes that have one core and 1 GiB each."""
    return {
        "jobManager": processes(job_managers, job_managers, job_managers),
        "taskManager": processes(task_managers, task_managers, task_managers),
    }


NOTHING = summary(0, 0)


def usage(hub: Hub, path: str) -> Any:
    return hub.get(path + WITH).json()["status"]["resourceSummary"]


def test_the_summary_comes_only_if_it_is_asked_for(hub: Hub, environment: str) -> None:
    path = f"{environment}/applications"
    name = unique("app")
    assert hub.post(path, application(name, parallelism=3)).status_code == 201
    for answer in (hub.get(f"{path}/{name}"), hub.get(environment), hub.get(f"{path}/{name}{WITH[:-4]}false")):
        assert "resourceSummary" not in answer.json()["status"]
        assert "resources" not in answer.json()["status"]
    assert hub.get(f"{path}/{name}?include-resource-information=perhaps").status_code == 400


def test_an_application_uses_what_its_specification_asks_for_while_it_runs(hub: Hub, environment: str) -> None:
    path = f"{environment}/applications"
    name = unique("app")
    hub.post(path, application(name, parallelism=3))
    assert usage(hub, f"{path}/{name}") == summary(1, 2)
    (listed,) = hub.get(path + WITH).json()["items"]
    assert listed["status"]["resourceSummary"] == summary(1, 2)
    assert hub.post(f"{path}/{name}/suspend").status_code == 200
    assert usage(hub, f"{path}/{name}") == NOTHING


@pytest.mark.rule("E03", "E04")
def test_the_environments_defaults_count(hub: Hub) -> None:
    defaults = {"spec": {"taskManager": {"resource": {"memory": "2Gi", "cpu": 0.5}}}}
    environment = hub.environment("flink", flinkApplicationDefaults=defaults)
    name = unique("app")
    hub.post(f"{environment}/applications", application(name, parallelism=4))
    found = usage(hub, f"{environment}/applications/{name}")
    assert found["taskManager"] == processes(1.0, 4, 2)
    assert found["jobManager"] == processes(1, 1, 1)


@pytest.mark.rule("P04", "P05", "P24")
def test_pools_use_what_their_statements_need_and_an_environment_all_of_it_once(hub: Hub, environment: str) -> None:
    pools, statements = f"{environment}/compute-pools", f"{environment}/statements"
    shared, dedicated = unique("shared"), unique("dedicated")
    slots = {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": "4"}}
    assert hub.post(pools, pool(shared, cluster=slots)).status_code == 200
    assert hub.post(pools, pool(dedicated, "DEDICATED", cluster=slots)).status_code == 200
    assert usage(hub, f"{pools}/{shared}") == summary(1, 0)
    assert usage(hub, f"{pools}/{dedicated}") == NOTHING
    hub.until(f"{pools}/{shared}", "status.phase", "RUNNING")
    names = [unique("stmt") for _ in range(3)]
    for name, on in zip(names, (shared, shared, dedicated), strict=True):
        assert hub.post(statements, statement(name, on, parallelism=5)).status_code == 200
        hub.until(f"{statements}/{name}", "status.phase", "RUNNING")
    assert usage(hub, f"{statements}/{names[0]}") == summary(0, 2)
    assert usage(hub, f"{statements}/{names[2]}") == summary(1, 2)
    assert usage(hub, f"{pools}/{shared}") == summary(1, 3)  # ten slots in task managers of four
    assert usage(hub, f"{pools}/{dedicated}") == summary(1, 2)
    status = hub.get(environment + WITH).json()["status"]
    assert status["resourceSummary"] == summary(2, 5)
    assert status["resources"] == {"applications": {}, "statements": {"RUNNING": 3}}
    assert hub.get(f"{pools}/{shared}{WITH}").json()["status"]["resources"] == {"statements": {"RUNNING": 2}}
    listed = hub.get(pools + WITH).json()["items"]
    assert {item["metadata"]["name"]: item["status"]["resourceSummary"] for item in listed} == {
        shared: summary(1, 3),
        dedicated: summary(1, 2),
    }


def test_everything_is_counted_by_kind_and_state(own_hub: Callable[..., Hub]) -> None:
    hub = own_hub()
    assert hub.get("/resource-information").json() == {
        "status": {
            "resources": {
                "environments": 0,
                "applications": {},
                "computePools": 0,
                "statements": {},
                "secrets": 0,
                "catalogs": 0,
                "savepoints": 0,
                "detachedSavepoints": 0,
                "kubernetesClusters": {"CONNECTED": 2},
            },
            "resourceSummary": {"cpu": 0.0, "memory": 0},
        }
    }
    first, second = hub.environment("flink"), hub.environment("flink", "spoke")
    names = [unique("counted") for _ in range(3)]
    for environment, name in ((first, names[0]), (second, names[1])):
        hub.post(f"{environment}/applications", application(name))
        hub.until(f"{environment}/applications/{name}", "status.jobStatus.state", "RUNNING")
    hub.post(f"{first}/compute-pools", pool(names[2], "DEDICATED"))
    catalog = {
        "metadata": {"name": "catalog"},
        "spec": {"srInstance": {"connectionConfig": {"url": "http://registry"}}},
    }
    assert hub.post("/catalogs/kafka", catalog).status_code == 200
    assert hub.post("/secrets", secret("credentials", {"user": "me"})).status_code == 200
    status = hub.get("/resource-information").json()["status"]
    resources = status["resources"]
    assert (resources["environments"], resources["computePools"]) == (2, 1)
    assert (resources["catalogs"], resources["secrets"]) == (1, 1)
    assert resources["applications"] == {"RUNNING": 2}
    assert status["resourceSummary"] == {"cpu": 4.0, "memory": 4 * GI}
    for environment, name in ((first, names[0]), (second, names[1])):
        hub.delete(f"{environment}/applications/{name}")
        hub.gone(f"{environment}/applications/{name}")


def test_the_licence_is_open_and_does_not_end(hub: Hub) -> None:
    answer = hub.get("/c3/license")
    assert answer.json() == {
        "kind": "C3LicenseInformation",
        "status": {"status": "VALID", "licenseType": "APACHE-2.0"},
    }
