"""What all operations have in common over HTTP."""

import json
import re
from typing import Any

import httpx
import pytest
import yaml
from cmf_hub.api import OPERATIONS
from cmf_hub.api.operation import Operation

from tests.support.hub import V1, Hub, application, message
from tests.support.wait import wait_for


def test_unknown_paths_answer_in_the_error_shape(hub: Hub) -> None:
    for path in ("/", "/cmf/api/v1", "/cmf/api/v1/nope", "/cmf/api/v1/environments/", "/cmf/api/v2/environments"):
        answer = hub.http.get(path)
        assert answer.status_code == 404, path
        assert path in message(answer)


def test_a_missing_method_says_which_there_are(hub: Hub) -> None:
    answer = hub.http.put(f"{V1}/environments", json={})
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert "PUT" in message(answer)


@pytest.mark.rule("C09")
def test_clusters_cannot_be_created_or_deleted_over_rest(hub: Hub) -> None:
    for answer in (hub.post("/kubernetes-clusters", {}), hub.delete("/kubernetes-clusters/spoke")):
        assert answer.status_code == 405
        assert "kubeconfig file" in message(answer)


def test_yaml_goes_both_ways_on_everything(hub: Hub, environment: str) -> None:
    headers = {"Content-Type": "application/yaml", "Accept": "application/yaml"}
    path = f"{V1}{environment}/applications"
    created = hub.http.post(path, content=yaml.safe_dump(application("in-yaml")), headers=headers)
    assert created.status_code == 201
    assert created.headers["content-type"] == "application/yaml"
    assert yaml.safe_load(created.text)["spec"] == application("in-yaml")["spec"]
    listed = yaml.safe_load(hub.http.get(path, headers=headers).text)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["in-yaml"]
    refused = hub.http.post(path, content="[1", headers=headers)
    assert refused.status_code == 400
    assert "not valid YAML" in yaml.safe_load(refused.text)["errors"][0]["message"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.id)
def test_every_operation_reads_and_answers_yaml_as_it_does_json(hub: Hub, operation: Operation) -> None:
    url = re.sub(r"{\w+}", "not-there", operation.path)
    body = {"metadata": {"name": "not-there"}, "spec": {"path": 1}} if operation.body else None
    answers = []
    for media, text in (("application/json", json.dumps(body)), ("application/yaml", yaml.safe_dump(body))):
        headers = {"Content-Type": media, "Accept": media}
        answer = hub.http.request(operation.method, url, content=text if body else None, headers=headers)
        assert answer.headers["content-type"] == media
        answers.append(answer)
    read = answers[0].json(), yaml.safe_load(answers[1].text)
    assert answers[0].status_code == answers[1].status_code
    assert read[0].keys() == read[1].keys()
    assert read[0] == read[1] or answers[0].status_code == 200  # heartbeats go on


@pytest.mark.parametrize(
    ("headers", "content", "status"),
    [
        ({"Content-Type": "application/json"}, "{", 400),
        ({"Content-Type": "application/json; charset=utf-8"}, "{", 400),
        ({"Content-Type": "Application/JSON"}, "{", 400),
        ({"Content-Type": "application/json", "Accept": "text/html, application/yaml;q=0.1, */*;q=0"}, "{", 400),
        ({"Content-Type": "application/json"}, "", 400),
        ({"Content-Type": "application/json"}, "[]", 400),
        ({"Content-Type": "application/json"}, '"text"', 400),
        ({"Content-Type": "text/html"}, "<p>", 415),
        ({"Content-Type": "application/json", "Accept": "text/html"}, "{}", 406),
        ({"Content-Type": "application/json"}, '{"spec":' + "[" * 5000, 400),
    ],
)
def test_what_cannot_be_read_is_refused(hub: Hub, headers: dict[str, str], content: str, status: int) -> None:
    answer = hub.http.post(f"{V1}/environments", content=content, headers=headers)
    assert answer.status_code == status
    value = yaml.safe_load(answer.text)
    assert value["errors"][0]["message"]


def test_every_wrong_field_has_a_message(hub: Hub, environment: str) -> None:
    body = {"metadata": {"name": "pool"}, "spec": {"type": "BIG", "state": "ASLEEP", "clusterSpec": {}}}
    answer = hub.post(f"{environment}/compute-pools", body)
    assert answer.status_code == 400
    messages = [error["message"] for error in answer.json()["errors"]]
    assert [text.partition(":")[0] for text in messages] == ["spec.type", "spec.state"]


def test_large_bodies_are_refused(hub: Hub) -> None:
    answer = hub.post("/environments", {"name": "large", "filler": "x" * 1_100_000})
    assert answer.status_code == 413
    assert "CMF_MAX_BODY_BYTES" in message(answer)


def test_large_bodies_without_a_length_are_refused_too(hub: Hub) -> None:
    answer = hub.http.post(f"{V1}/environments", content=(b"x" * 65536 for _ in range(20)))
    assert answer.status_code == 413


def test_an_unchanged_list_is_not_sent_again(hub: Hub, environment: str) -> None:
    path = f"{environment}/applications"
    first = hub.get(path)
    again = hub.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert hub.post(path, application("news")).status_code == 201
    assert hub.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 200


def test_requests_have_an_id_that_the_log_knows(hub: Hub) -> None:
    answer = hub.get("/environments", headers={"X-Request-Id": "find-me-again"})
    assert answer.headers["x-request-id"] == "find-me-again"

    def logged() -> list[dict[str, Any]]:
        # The line is written after the answer; the last one may be half there.
        complete = hub.process.log.read_text().rpartition("\n")[0]
        lines = [json.loads(line) for line in complete.splitlines()]
        return [line for line in lines if line.get("request_id") == "find-me-again"]

    (line,) = wait_for(logged, "the line of the request")
    assert (line["method"], line["path"], line["status"]) == ("GET", f"{V1}/environments", 200)
    other = hub.get("/environments", headers={"X-Request-Id": "bad id\twith blanks"})
    assert len(other.headers["x-request-id"]) == 32


def test_health_readiness_and_metrics(hub: Hub) -> None:
    assert hub.http.get("/healthz").status_code == 200
    assert hub.http.get("/readyz").status_code == 200
    hub.get("/environments")
    metrics = hub.http.get("/metrics").text
    assert f'cmf_http_requests_total{{method="GET",path="{V1}/environments",status="200"}}' in metrics
    assert 'path="/cmf/api/v1/environments/{environment}/applications"' in metrics


def test_unknown_paths_do_not_grow_the_metrics(hub: Hub) -> None:
    hub.http.get("/no/such/page-4711")
    assert "page-4711" not in hub.http.get("/metrics").text


def test_system_information_has_the_version(hub: Hub) -> None:
    status = hub.get("/system-information").json()["status"]
    assert status["version"]
    assert set(status) == {"version", "revision"}


def test_parameters_that_nobody_knows_are_ignored_and_no_other_is_given_twice(hub: Hub) -> None:
    assert hub.get("/environments?colour=red&colour=blue").status_code == 200
    assert hub.get("/environments?sort=name&sort=created_time").status_code == 200
    assert message(hub.get("/environments?page=0&page=1")) == "page is given more than once: give it once"


def test_options_say_what_a_path_allows(hub: Hub) -> None:
    for path, allowed in (
        ("/environments", "GET, HEAD, OPTIONS, POST"),
        ("/secrets/a", "DELETE, GET, HEAD, OPTIONS, PUT"),
    ):
        answer = hub.http.options(V1 + path)
        assert (answer.status_code, answer.content, answer.headers["allow"]) == (204, b"", allowed)
    assert hub.http.options(f"{V1}/nope").status_code == 404


def test_head_is_a_get_without_body(hub: Hub) -> None:
    answer = hub.http.head(f"{V1}/environments")
    assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("query", ["force=maybe", "force=1"])
def test_flags_are_true_or_false(hub: Hub, environment: str, query: str) -> None:
    answer = hub.delete(f"{environment}?{query}")
    assert answer.status_code == 400
    assert "force" in message(answer)


def test_odd_characters_in_paths_and_queries_are_not_found_or_refused(hub: Hub) -> None:
    for path in ("%00", "%2F", "..%2F..", "%F0%9F%A6%8A", "%FF", "a" * 5000):
        answer: httpx.Response = hub.get(f"/environments/{path}")
        assert answer.status_code == 404, path
    for query in ("filter=%00", "sort=%FF", "page=%F0%9F%A6%8A", "search=%00&searchScope=name"):
        assert hub.get(f"/environments?{query}").status_code in (200, 400), query
