"""Random requests from an OpenAPI document: mostly as it describes them, sometimes as it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from hypothesis import strategies as st

from tests.support.hub import application, pool, statement

Document = Mapping[str, Any]

NAMES = ("random-one", "random-two", "random-three")
_NAME = st.sampled_from(NAMES)
_TEXT = st.text(st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=12)
_SEGMENT = _TEXT.filter(lambda text: text.strip(".") != "")
_SUFFIXES = {"application": "-app", "statement": "-sql"}
"""Applications and statements would else take the names of pools in the same namespace."""
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False, allow_infinity=False) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=4,
)


@dataclass(frozen=True)
class RandomRequest:
    """One request, and the place in the document that describes it."""

    path: str
    method: str
    url: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    has_body: bool = False
    yaml: bool = False


@st.composite
def random_requests(draw: st.DrawFn, document: Document, prefix: str) -> RandomRequest:
    """Draw a request to an operation whose path begins with a prefix."""
    paths = [path for path in document["paths"] if path.startswith(prefix)]
    path = draw(st.sampled_from(paths))
    method = draw(st.sampled_from(sorted(document["paths"][path])))
    operation = document["paths"][path][method]
    url, query = path, {}
    for parameter in operation["parameters"]:
        name = parameter["name"]
        if parameter["in"] == "path":
            url = url.replace(f"{{{name}}}", quote(draw(_segment(name)), safe=""))
        elif draw(st.integers(0, 9)) == 9:
            query[name] = draw(st.one_of(_described(document, parameter["schema"], 2), _TEXT))
    body = None
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = draw(st.one_of(_sensible(path), _sensible(path), _described(document, schema, 5), _JSON))
    return RandomRequest(path, method, url, query, body, "requestBody" in operation, draw(st.booleans()))


@st.composite
def _segment(draw: st.DrawFn, parameter: str) -> str:
    """Draw a value of a path parameter: nine times in ten a name that may be there."""
    if draw(st.integers(0, 9)) == 9:
        return draw(_SEGMENT)
    if parameter == "cluster":
        return draw(st.sampled_from(["spoke", "default-k8s-cluster"]))
    return draw(_NAME) + _SUFFIXES.get(parameter, "")


def _sensible(path: str) -> st.SearchStrategy[Any]:
    """Bodies that rules allow, with names that other requests use too."""
    kind = path.rpartition("/")[2] if not path.endswith("}") else path.split("/")[-2]
    match kind:
        case "environments":
            return st.builds(lambda name: {"name": name, "kubernetesNamespace": "flink"}, _NAME)
        case "applications":
            return st.builds(
                lambda name, n: application(name + _SUFFIXES["application"], parallelism=n), _NAME, st.integers(0, 3)
            )
        case "compute-pools":
            return st.builds(pool, _NAME, st.sampled_from(["SHARED", "DEDICATED"]))
        case "statements":
            return st.builds(
                lambda name, on, stopped: statement(name + _SUFFIXES["statement"], on, stopped=stopped),
                _NAME,
                _NAME,
                st.booleans(),
            )
    return st.builds(lambda name: {"metadata": {"name": name}, "spec": {}}, _NAME)


def _described(document: Document, schema: Document, depth: int) -> st.SearchStrategy[Any]:
    """Values of a JSON Schema."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _described(document, document["components"]["schemas"][name], depth)
    if "anyOf" in schema:
        return st.one_of([_described(document, each, depth) for each in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "object" if depth > 0:
            return _object(document, schema, depth - 1)
        case "array" if depth > 0:
            return st.lists(_described(document, schema.get("items", {}), depth - 1), max_size=2)
        case "string":
            return st.one_of(_NAME, _TEXT) if not schema.get("minLength") else _NAME
        case "integer":
            return st.integers(schema.get("minimum", -5), 2**31)
        case "number":
            return st.floats(allow_nan=False, allow_infinity=False)
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return _JSON if depth > 0 else st.just({})


def _object(document: Document, schema: Document, depth: int) -> st.SearchStrategy[Any]:
    properties = {name: _described(document, each, depth) for name, each in schema.get("properties", {}).items()}
    required = {name: properties.pop(name) for name in schema.get("required", ())}
    if required or properties:
        return st.fixed_dictionaries(required, optional=properties)
    more = schema.get("additionalProperties")
    return st.dictionaries(_TEXT, _described(document, more, depth) if isinstance(more, Mapping) else _JSON, max_size=2)
