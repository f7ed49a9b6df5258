"""The OpenAPI document: it is sound, it is served, and a running hub keeps to it."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
import yaml
from cmf_hub.api import OPERATIONS
from cmf_hub.api.openapi import document
from hypothesis import HealthCheck, given, settings

from tests.conformance.requests import NAMES, RandomRequest, random_requests
from tests.support.answers import check
from tests.support.hub import V1, Hub, pool
from tests.support.wait import wait_for

DOCUMENT = document(OPERATIONS)
GIVES = {(operation.path, operation.method.lower()): operation for operation in OPERATIONS}


def described() -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$ref" in value:
            yield value["$ref"]
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def test_every_reference_leads_somewhere() -> None:
    schemas = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    used = set(references(DOCUMENT))
    assert used <= schemas
    assert schemas <= used, "a schema that nothing uses"


def test_every_operation_is_described() -> None:
    ids = [operation["operationId"] for _, _, operation in described()]
    assert all(ids)
    assert len(set(ids)) == len(ids)
    for path, method, operation in described():
        where = f"{method} {path}"
        assert operation["summary"], where
        in_path = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
        assert in_path == re.findall(r"{(\w+)}", path), where
        assert {"406", "500"} <= set(operation["responses"]), where
        assert method != "put" or "requestBody" in operation, where
        for code, answer in operation["responses"].items():
            if int(code) >= 400:
                assert set(answer["content"]) == {"application/json", "application/yaml"}, where


def test_the_document_and_its_page_are_served_and_load_nothing_else(hub: Hub) -> None:
    assert hub.http.get("/openapi.json").json() == DOCUMENT
    answer = hub.http.get("/docs")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    page = Page()
    page.feed(answer.text)
    assert page.loaded == []
    assert {operation["operationId"] for _, _, operation in described()} <= page.anchors
    assert {target.removeprefix("#") for target in page.targets if target.startswith("#")} <= page.anchors


class Page(HTMLParser):
    """What a page loads, and what it links to."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.targets: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "link", "img", "iframe") or "src" in values:
            self.loaded.append(tag)
        self.anchors.add(values.get("id") or "")
        self.targets.add(values.get("href") or "")


@pytest.mark.parametrize(
    ("method", "path", "status", "body", "said"),
    [
        ("GET", "/environments", 200, {"metadata": {}, "items": [{"name": 1}]}, "a body against its schema"),
        ("GET", "/environments", 409, {"errors": []}, "an undeclared code"),
        ("PUT", "/environments/e/statements/s", 200, {}, "an undeclared body"),
        ("GET", "/environments", 200, "text", "an undeclared media type"),
    ],
)
def test_an_answer_against_the_document_is_noticed(method: str, path: str, status: int, body: Any, said: str) -> None:
    request = httpx.Request(method, f"http://hub{V1}{path}")
    content = {"text": body} if isinstance(body, str) else {"json": body}
    with pytest.raises(AssertionError, match=said):
        check(httpx.Response(status, request=request, **content))


@pytest.fixture
def visited(own_hub: Callable[..., Hub]) -> Iterator[Hub]:
    """A hub for random requests; what they leave on the clusters is removed."""
    hub = own_hub()
    yield hub
    for cluster in ("default-k8s-cluster", "spoke"):
        hub.put(f"/kubernetes-clusters/{cluster}", {"spec": {"lifecycleState": "ACTIVE"}})
        hub.connected(cluster)
    for environment in hub.get("/environments").json()["items"]:
        path = f"/environments/{environment['name']}"
        for plural in ("applications", "statements", "compute-pools"):
            wait_for(partial(emptied, hub, f"{path}/{plural}"), f"{path}/{plural} to be empty")


def emptied(hub: Hub, path: str) -> bool:
    items = hub.get(path).json()["items"]
    for item in items:
        hub.delete(f"{path}/{item['metadata']['name']}")
    return not items


def test_random_requests_get_declared_answers(visited: Hub) -> None:
    for name in NAMES:
        assert visited.post("/environments", {"name": name, "kubernetesNamespace": "flink"}).status_code == 200
        assert visited.post(f"/environments/{name}/compute-pools", pool(name, "DEDICATED")).status_code == 200

    @settings(max_examples=1500, suppress_health_check=list(HealthCheck), database=None)
    @given(random_requests(DOCUMENT, V1))
    def answers(request: RandomRequest) -> None:
        answer = sent(visited, request)
        declared = DOCUMENT["paths"][request.path][request.method]["responses"]
        assert str(answer.status_code) in declared, answer.text
        assert answer.status_code != 500, answer.text
        if not answer.content:
            return
        value = yaml.safe_load(answer.text) if request.yaml else answer.json()
        operation = GIVES[request.path, request.method]
        if answer.status_code >= 400:
            assert all(error["message"] for error in value["errors"])
        elif operation.gives is not None and not request.query.get("fields"):
            for item in value["items"] if operation.listing else [value]:
                operation.gives.parse(item)

    answers()


def sent(hub: Hub, request: RandomRequest) -> httpx.Response:
    media = "application/yaml" if request.yaml else "application/json"
    headers = {"Accept": media, "Content-Type": media}
    query = {name: str(value).lower() if isinstance(value, bool) else value for name, value in request.query.items()}
    content = None
    if request.has_body:
        content = (
            yaml.safe_dump(request.body).encode()
            if request.yaml
            else httpx.Request("POST", "http://x", json=request.body).content
        )
    return hub.http.request(request.method, request.url, params=query, content=content, headers=headers)
