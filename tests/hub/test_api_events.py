"""Events of applications: what happened to the resource, its cluster and its job."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.hub.flink.test_exceptions import answer, entry
from tests.support.backend import service
from tests.support.flink_rest import job_manager, serving
from tests.support.hub import Hub, Spoke, application, message, unique
from tests.support.wait import wait_for

StartHub = Callable[..., Hub]


@pytest.fixture
def path(environment: str) -> str:
    """Path of the applications of an empty environment."""
    return f"{environment}/applications"


def answered(hub: Hub, one: str, **parameters: Any) -> httpx.Response:
    """GET the events of an application."""
    return hub.http.get(f"/cmf/api/v1alpha1{one}/events", params=parameters)


def items(hub: Hub, one: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the events of an application, the newest first."""
    answer = answered(hub, one, **parameters)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, Any]] = answer.json()["items"]
    return listed


def messages(hub: Hub, one: str, **parameters: Any) -> list[str]:
    """Return the messages of an application's events, the oldest first."""
    return [each["status"]["message"] for each in reversed(items(hub, one, **parameters))]


def create(hub: Hub, path: str, **job: Any) -> str:
    """Create an application, wait until it runs, and return its path."""
    name = unique("event")
    assert hub.post(path, application(name, **job)).status_code == 201
    stable(hub, f"{path}/{name}")
    return f"{path}/{name}"


def stable(hub: Hub, one: str, state: str = "STABLE") -> None:
    """Wait until the operator has taken up an application's newest spec, and is done with it."""

    def reached() -> bool:
        found = hub.get(one).json()
        status = found["status"]
        return (status.get("observedGeneration"), status["lifecycleState"]) == (found["metadata"]["generation"], state)

    wait_for(reached, f"{one} to be {state}")


def update(hub: Hub, one: str, **job: Any) -> None:
    path, _, name = one.rpartition("/")
    answer = hub.post(path, application(name, **job))
    assert answer.status_code == 201, answer.text


def test_a_new_applications_events_tell_its_start_newest_first(hub: Hub, path: str) -> None:
    one = create(hub, path)
    events = items(hub, one)
    told = messages(hub, one)
    assert told[:2] == ["FlinkApplication created", "Flink cluster status changed to CREATED"]
    for state in ("RECONCILING", "RUNNING"):
        assert told.count(f"Flink job status changed to {state}") == 1
    for state in ("UPGRADING", "DEPLOYED", "STABLE"):
        assert told.count(f"Flink cluster status changed to {state}") == 1
    times = [each["metadata"]["creationTimestamp"] for each in events]
    assert times == sorted(times, reverse=True)
    (instance,) = hub.get(f"{one}/instances").json()["items"]
    for each in events:
        assert (each["apiVersion"], each["kind"]) == ("cmf.confluent.io/v1alpha1", "FlinkApplicationEvent")
        assert each["metadata"]["uid"] == each["metadata"]["name"]
        assert each["metadata"]["flinkApplicationInstance"] == instance["metadata"]["name"]
    assert len({each["metadata"]["name"] for each in events}) == len(events)


def test_data_is_null_or_has_one_field_as_the_cli_reads_it(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    home.patch(one.rpartition("/")[2], {"metadata": {"annotations": {"standin.flink/fail-job": "true"}}})
    stable(hub, one, "FAILED")
    fields = {
        "CMF_STATUS": None,
        "CLUSTER_STATUS": ["newStatus"],
        "JOB_STATUS": ["newStatus"],
        "JOB_EXCEPTION": ["exceptionString"],
    }
    events = items(hub, one)
    assert {each["status"]["type"] for each in events} == set(fields)
    for each in events:
        data = each["status"].get("data")
        assert (None if data is None else list(data)) == fields[each["status"]["type"]]
        if each["status"]["type"] in ("CLUSTER_STATUS", "JOB_STATUS"):
            assert each["status"]["message"].endswith(f"status changed to {data['newStatus']}")


def test_a_whole_life_is_told(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    name = one.rpartition("/")[2]
    update(hub, one, parallelism=3)
    stable(hub, one)
    assert hub.post(f"{one}/suspend").status_code == 200
    stable(hub, one, "SUSPENDED")
    assert hub.post(f"{one}/start").status_code == 200
    stable(hub, one)
    assert messages(hub, one, filter="type=CMF_STATUS") == [
        "FlinkApplication created",
        *["FlinkApplication updated"] * 3,
    ]
    clusters = [text.rpartition(" ")[2] for text in messages(hub, one, filter="type=CLUSTER_STATUS")]
    assert clusters.count("SUSPENDED") == 1
    assert all(before != after for before, after in itertools.pairwise(clusters)), clusters
    jobs = [text.rpartition(" ")[2] for text in messages(hub, one, filter="type=JOB_STATUS")]
    assert all(before != after for before, after in itertools.pairwise(jobs)), jobs
    assert jobs.count("RUNNING") == 3
    instances = [each["metadata"]["name"] for each in hub.get(f"{one}/instances").json()["items"]]
    named = [each["metadata"]["flinkApplicationInstance"] for each in items(hub, one, filter="type=CMF_STATUS")]
    assert named == instances
    home.patch(name, {"metadata": {"annotations": {"standin.flink/stuck-finalizer": "true"}}})
    assert hub.delete(one).status_code == 204
    assert messages(hub, one, filter="type=CMF_STATUS")[-1] == "FlinkApplication deleted"
    assert "Flink cluster status changed to DELETING" in messages(hub, one)
    home.patch(name, {"metadata": {"annotations": {"standin.flink/stuck-finalizer": None}}})
    hub.gone(one)
    assert answered(hub, one).status_code == 404


def test_a_failed_jobs_exception_is_told_once_and_its_instance(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    home.patch(one.rpartition("/")[2], {"metadata": {"annotations": {"standin.flink/fail-job": "true"}}})
    stable(hub, one, "FAILED")
    (exception,) = items(hub, one, filter="type=JOB_EXCEPTION")
    text = exception["status"]["data"]["exceptionString"]
    assert text.startswith("org.apache.flink.util.SerializedThrowable: ")
    assert exception["status"]["message"].startswith("Flink exception: ")
    home.patch(one.rpartition("/")[2], {"metadata": {"annotations": {"touched": "1"}}})
    wait_for(lambda: "Flink job status changed to FAILED" in messages(hub, one), "the failure")
    assert len(items(hub, one, filter="type=JOB_EXCEPTION")) == 1


def test_the_environments_defaults_are_told_as_the_cause_of_an_update(hub: Hub) -> None:
    environment = hub.environment("flink")
    one = create(hub, f"{environment}/applications")
    name = environment.rpartition("/")[2]
    defaults = {"spec": {"flinkConfiguration": {"taskmanager.numberOfTaskSlots": 6}}}
    assert hub.post("/environments", {"name": name, "flinkApplicationDefaults": defaults}).status_code == 200
    stable(hub, one)
    last = items(hub, one, filter="type=CMF_STATUS")[0]
    assert last["status"]["message"] == f"FlinkApplication updated by the defaults of environment '{name}'"
    newest = hub.get(f"{one}/instances").json()["items"][0]["metadata"]["name"]
    assert last["metadata"]["flinkApplicationInstance"] == newest


def test_a_refused_change_is_not_told(hub: Hub, path: str) -> None:
    one = create(hub, path)
    before = items(hub, one)
    body = application(one.rpartition("/")[2])
    body["spec"]["jobManager"] = {"resource": {"cpu": "much"}}
    assert hub.post(path, body).status_code == 422
    assert items(hub, one) == before


def test_filters_searches_orders_fields_and_pages(hub: Hub, path: str) -> None:
    one = create(hub, path)
    every = items(hub, one)
    instance = every[0]["metadata"]["flinkApplicationInstance"]
    types = [each["status"]["type"] for each in every]
    assert {each["status"]["type"] for each in items(hub, one, filter="type=JOB_STATUS")} == {"JOB_STATUS"}
    both = items(hub, one, filter="type in (CMF_STATUS, JOB_STATUS)")
    assert len(both) == len([each for each in types if each != "CLUSTER_STATUS"])
    assert items(hub, one, filter="type notin (CMF_STATUS, JOB_STATUS)") == items(
        hub, one, filter="type=CLUSTER_STATUS"
    )
    assert messages(hub, one, search="to running", searchScope="message") == ["Flink job status changed to RUNNING"]
    assert items(hub, one, search=instance, searchScope="flinkApplicationInstance") == every
    assert items(hub, one, search=instance[:-1], searchScope="flinkApplicationInstance") == []
    assert items(hub, one, search=instance, searchScope="message,flinkApplicationInstance") == every
    assert len(items(hub, one, search="created", searchScope="flinkApplicationInstance,message")) == 2
    assert items(hub, one, sort="creationTimestamp,asc") == every[::-1]
    assert items(hub, one, page=1, size=2) == every[2:4]
    assert items(hub, one, page=99, size=2) == []
    assert answered(hub, one, size=1).json()["metadata"] == {"size": len(every)}
    for each in items(hub, one, fields="status.message"):
        assert each.keys() == {"apiVersion", "kind", "status"}
        assert each["status"].keys() == {"message"}


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"search": "x"}, "must be given together"),
        ({"search": "x", "searchScope": "status"}, "supported: message, flinkApplicationInstance"),
        ({"filter": "phase=RUNNING"}, "known: name, labels.<key>, type"),
        ({"sort": "status"}, "sort property 'status'"),
    ],
)
def test_what_is_not_understood_is_refused(hub: Hub, path: str, parameters: dict[str, str], text: str) -> None:
    name = unique("event")
    hub.post(path, application(name))
    answer = answered(hub, f"{path}/{name}", **parameters)
    assert answer.status_code == 400
    assert text in message(answer)


def test_events_of_nothing_are_not_found(hub: Hub, path: str) -> None:
    assert message(answered(hub, f"{path}/none")).startswith("FlinkApplication 'none' does not exist")
    assert answered(hub, "/environments/none/applications/none").status_code == 404


def test_as_many_are_kept_as_the_setting_says(own_hub: StartHub) -> None:
    hub = own_hub(CMF_APPLICATION_EVENTS_MAX_EVENTS_PER_APPLICATION="5")
    one = create(hub, f"{hub.environment('flink')}/applications")
    update(hub, one, parallelism=3)
    stable(hub, one)
    events = items(hub, one)
    assert len(events) == 5
    assert {each["status"]["message"] for each in events} >= {"Flink job status changed to RUNNING"}
    assert "FlinkApplication created" not in messages(hub, one)


def test_a_restart_and_a_reconnection_tell_nothing_twice(own_hub: StartHub, home: Spoke) -> None:
    hub = own_hub()
    one = create(hub, f"{hub.environment('flink')}/applications")
    before = items(hub, one)
    hub.process.stop()
    hub.start()
    hub.connected("default-k8s-cluster")
    home.cluster.pause()
    try:
        hub.connected("default-k8s-cluster", "DISCONNECTED")
    finally:
        home.cluster.resume()
    hub.connected("default-k8s-cluster")
    home.patch(one.rpartition("/")[2], {"metadata": {"annotations": {"standin.flink/fail-job": "true"}}})
    stable(hub, one, "FAILED")
    after = items(hub, one)
    assert after[-len(before) :] == before
    new = [each["status"]["message"] for each in after[: -len(before)]]
    assert len(new) == len(set(new)), new
    assert "Flink job status changed to FAILED" in new


def test_a_crash_loses_no_event_and_doubles_none(own_hub: StartHub) -> None:
    hub = own_hub()
    path = f"{hub.environment('flink')}/applications"
    one = create(hub, path)
    for parallelism in (3, 4):
        update(hub, one, parallelism=parallelism)
        hub.crash()
    stable(hub, one)
    told = messages(hub, one)
    assert (told.count("FlinkApplication created"), told.count("FlinkApplication updated")) == (1, 2)
    for kind in ("CLUSTER_STATUS", "JOB_STATUS"):
        states = messages(hub, one, filter=f"type={kind}")
        assert all(before != after for before, after in itertools.pairwise(states)), states


def test_exceptions_are_bounded_and_tell_no_secret(hub: Hub, home: Spoke, path: str) -> None:
    name, secret = unique("event"), "s3cr3t-value"
    body = application(name)
    body["spec"]["flinkConfiguration"]["s3.secret-key"] = secret
    assert hub.post(path, body).status_code == 201
    stable(hub, f"{path}/{name}")
    causes = [{"type": "java.io.IOException", "message": f"{secret} is wrong" + "x" * 20_000}]
    error = {"type": "org.apache.flink.SomeException", "message": f"bad key {secret}", "throwableList": causes}
    home.patch_status(name, {"error": json.dumps(error)})
    wait_for(lambda: items(hub, f"{path}/{name}", filter="type=JOB_EXCEPTION"), "the exception")
    exception = items(hub, f"{path}/{name}", filter="type=JOB_EXCEPTION")[-1]
    assert secret not in json.dumps(items(hub, f"{path}/{name}"))
    text = exception["status"]["data"]["exceptionString"]
    assert text.startswith(
        "org.apache.flink.SomeException: bad key ******\nCaused by: java.io.IOException: ****** is wrongx"
    )
    assert len(text) == 8192
    assert len(exception["status"]["message"]) == 512


def test_exceptions_of_a_failing_job_are_its_job_managers(hub: Hub, home: Spoke, path: str) -> None:
    one = create(hub, path)
    name = one.rpartition("/")[2]
    job = home.deployments()[name]["status"]["jobStatus"]["jobId"]

    def exceptions() -> list[dict[str, Any]]:
        return items(hub, one, filter="type=JOB_EXCEPTION")

    with job_manager() as flink, service(home.cluster, f"{name}-rest", flink.port):
        flink.behaviour = serving({f"/jobs/{job}/exceptions": answer(entry(1))})
        home.patch_status(name, {"jobStatus": {"state": "RESTARTING"}})
        (event,) = wait_for(exceptions, "the exception")
    assert event["status"]["message"] == "Flink exception: java.lang.IllegalStateException: no 1"
    assert event["status"]["data"] == {"exceptionString": entry(1)["stacktrace"]}
    assert flink.requests == [f"GET /jobs/{job}/exceptions?maxExceptions=1"]
