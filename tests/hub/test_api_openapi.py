"""The OpenAPI document: it is sound, it is served, and answers are held to it."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from cmf_hub.api import OPERATIONS
from cmf_hub.api.openapi import document

from tests.support.answers import check
from tests.support.hub import V1, Hub

DOCUMENT = document(OPERATIONS)


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


def test_what_was_created_is_linked_to_what_can_be_done_with_it() -> None:
    links = DOCUMENT["paths"][f"{V1}/environments/{{environment}}/compute-pools"]["post"]["responses"]["200"]["links"]
    assert set(links) == {"getComputePool", "updateComputePool", "deleteComputePool"}
    parameters = {"environment": "$request.path.environment", "pool": "$response.body#/metadata/name"}
    assert links["getComputePool"]["parameters"] == parameters


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
