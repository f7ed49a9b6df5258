"""The OpenAPI document of the hub, made from the table of operations and the models.

It says what is: every code that an operation can answer, and models as lenient as the hub reads them. Where
it differs from CMF's own document, `tests/conformance/differences.py` gives the reason.
"""

from __future__ import annotations

import inspect
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from cmf_core.models import Model
from pydantic.json_schema import models_json_schema

from cmf_hub.api.encoding import JSON, YAML
from cmf_hub.api.operation import Operation

Document = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_DESCRIPTION = (
    "An open hub that speaks the REST API of Confluent Manager for Apache Flink (CMF). Independent: not affiliated "
    "with Confluent or the Apache Software Foundation. Bodies and answers are JSON or YAML, by Content-Type and Accept."
)
_ERROR: Document = {
    "title": "RestError",
    "description": "The answer of everything that fails.",
    "type": "object",
    "properties": {
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]},
        }
    },
    "required": ["errors"],
}
_PAGEABLE: Document = {
    "title": "Pageable",
    "description": "Which page it is, and whether its items are sorted.",
    "type": "object",
    "properties": {
        "page": {"type": "integer", "minimum": 0},
        "size": {"type": "integer", "minimum": 1},
        "sort": {
            "type": "object",
            "properties": {name: {"type": "boolean"} for name in ("sorted", "unsorted", "empty")},
        },
    },
}
_PROJECTION: Document = {
    "title": "Projection",
    "description": "Parts of an item: what the parameter `fields` asked for.",
    "type": "object",
    "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}},
}
_PROJECTED = {"$ref": f"{_SCHEMAS}Projection"}
_RETRY = {"Retry-After": {"description": "Seconds to wait, if the cluster said so.", "schema": {"type": "integer"}}}
_ETAG = {"ETag": {"description": "Tag of this version of the answer.", "schema": {"type": "string"}}}


def document(operations: Sequence[Operation]) -> Document:
    """Return the OpenAPI 3.1 document of a table of operations."""
    paths: dict[str, Document] = defaultdict(dict)
    for operation in operations:
        paths[operation.path][operation.method.lower()] = _operation(operation, operations)
    return {
        "openapi": "3.1.0",
        "info": {"title": "cmf-hub", "version": version("cmf-hub"), "description": _DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": dict(paths),
        "components": {"schemas": _schemas(operations)},
    }


def _operation(operation: Operation, operations: Sequence[Operation]) -> Document:
    module = operation.handler.__module__.rpartition(".")[2]
    summary, _, description = (inspect.getdoc(operation.handler) or "").partition("\n")
    parameters: list[Document] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in _in_path(operation)
    ]
    parameters += [
        {"name": parameter.name, "in": "query", "description": parameter.description, "schema": dict(parameter.schema)}
        for parameter in operation.every_parameter()
    ]
    result: Document = {
        "operationId": operation.id,
        "tags": [module],
        "summary": summary,
        "parameters": parameters,
        "responses": {str(code): _answer(operation, code) for code in operation.every_code()},
    }
    if description.strip():
        result["description"] = description.strip()
    links = dict(_links(operation, operations))
    if links:
        result["responses"][str(operation.codes[0])]["links"] = links
    if operation.body is not None:
        result["requestBody"] = {"required": not operation.optional, "content": _content(operation.body.__name__)}
    return result


def _links(operation: Operation, operations: Sequence[Operation]) -> Iterator[tuple[str, Document]]:
    """Yield what can be done next with what a creation has made."""
    if operation.method != "POST" or operation.body is None:
        return
    known = _in_path(operation)
    for other in operations:
        new = [each for each in _in_path(other) if each not in known]
        if other.path.startswith(f"{operation.path}/{{") and len(new) == 1:
            parameters = {each: f"$request.path.{each}" for each in known} | {new[0]: "$response.body#/metadata/name"}
            yield other.id, {"operationId": other.id, "parameters": parameters}


def _in_path(operation: Operation) -> list[str]:
    return re.findall(r"{(\w+)}", operation.path)


def _answer(operation: Operation, code: int) -> Document:
    result: Document = {"description": HTTPStatus(code).phrase}
    if code >= 400:
        result["content"] = _content("RestError")
    elif code < 300 and code not in (202, 204) and operation.gives is not None:
        result["content"] = _content(_page(operation.gives) if operation.listing else operation.gives.__name__)
    if operation.method == "GET" and 304 in operation.codes and code in (200, 304):
        result["headers"] = _ETAG
    if code == 503:
        result["headers"] = _RETRY
    return result


def _content(schema: str) -> Document:
    return {media: {"schema": {"$ref": _SCHEMAS + schema}} for media in (JSON, YAML)}


def _page(item: type[Model]) -> str:
    return f"{item.__name__}Page"


def _schemas(operations: Iterable[Operation]) -> Mapping[str, Document]:
    models = {model for operation in operations for model in (operation.body, operation.gives) if model is not None}
    ordered = sorted(models, key=lambda model: model.__name__)
    _, generated = models_json_schema([(model, "validation") for model in ordered], ref_template=_SCHEMAS + "{model}")
    pages = {
        _page(operation.gives): _page_schema(operation.gives, operation.listing.page_kind)
        for operation in operations
        if operation.listing is not None and operation.gives is not None
    }
    return dict(
        sorted(
            {
                **generated["$defs"],
                **pages,
                "RestError": _ERROR,
                "Pageable": _PAGEABLE,
                "Projection": _PROJECTION,
            }.items()
        )
    )


def _page_schema(item: type[Model], kind: str | None) -> Document:
    own = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}} if kind else {}
    total = {"type": "integer", "format": "int64", "description": "Number of items on all pages."}
    return {
        "title": _page(item),
        "description": f"One page of a list of {item.__name__}.",
        "type": "object",
        "properties": {
            **own,
            "metadata": {"type": "object", "properties": {"size": total}},
            "pageable": {"$ref": _SCHEMAS + "Pageable"},
            "items": {"type": "array", "items": {"anyOf": [{"$ref": _SCHEMAS + item.__name__}, _PROJECTED]}},
        },
        "required": ["metadata", "items"],
    }
