"""Every answer of a hub is held to the hub's own OpenAPI document."""

import copy
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import httpx
import jsonschema_rs
import yaml
from cmf_hub.api import OPERATIONS
from cmf_hub.api.openapi import document

JSON, YAML = "application/json", "application/yaml"


def check(answer: httpx.Response) -> None:
    """Fail unless the document declares an answer: its code, media type and body."""
    operation = _operation(answer.request)
    if operation is None:
        return
    answer.read()
    what = f"{answer.request.method} {answer.request.url.raw_path.decode()}: {answer.status_code} {answer.text[:500]}"
    declared = operation["responses"].get(str(answer.status_code))
    assert declared is not None, f"an undeclared code: {what}"
    if "content" not in declared or answer.request.method == "HEAD":
        assert not answer.content, f"an undeclared body: {what}"
        return
    media = answer.headers["content-type"]
    assert media in declared["content"], f"an undeclared media type {media}: {what}"
    value = yaml.load(answer.text, Loader=yaml.CSafeLoader) if media == YAML else answer.json()
    projected = "fields" in answer.request.url.params
    errors = list(_validator(declared["content"][media]["schema"]["$ref"], projected).iter_errors(value))
    assert not errors, f"a body against its schema: {errors[0].message} at {errors[0].instance_path}: {what}"


def _operation(request: httpx.Request) -> Mapping[str, Any] | None:
    path = request.url.raw_path.decode().partition("?")[0]
    method = "get" if request.method == "HEAD" else request.method.lower()
    for pattern, operations in _paths():
        if pattern.fullmatch(path):
            return operations.get(method)
    return None


@cache
def _paths() -> list[tuple[re.Pattern[str], Mapping[str, Any]]]:
    paths = document(OPERATIONS)["paths"]
    return [(re.compile(re.sub(r"{\w+}", "[^/]+", path)), operations) for path, operations in paths.items()]


@cache
def _validator(reference: str, projected: bool) -> jsonschema_rs.Draft202012Validator:
    components = copy.deepcopy(document(OPERATIONS)["components"])
    for name, schema in components["schemas"].items():
        if name.endswith("Page") and not projected:
            items = schema["properties"]["items"]
            items["items"] = items["items"]["anyOf"][0]
    return jsonschema_rs.Draft202012Validator({"$ref": reference, "components": components})
