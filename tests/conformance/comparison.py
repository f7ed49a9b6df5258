"""What two OpenAPI documents say differently, each difference as one line of text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Document = Mapping[str, Any]
_METHODS = ("get", "post", "put", "delete")
_LIMITS = ("pattern", "minLength", "maxLength", "minimum", "maximum")


def operations(document: Document) -> dict[str, Document]:
    """Return the operations by method and path; names of path parameters do not travel and are left out."""
    return {
        f"{method.upper()} {re.sub(r'{[^}]*}', '{}', path)}": {**item[method], "common": item.get("parameters", [])}
        for path, item in document["paths"].items()
        for method in _METHODS
        if method in item
    }


class Comparison:
    """Our document against another."""

    def __init__(self, ours: Document, theirs: Document) -> None:
        self._ours = ours
        self._theirs = theirs
        self._seen: set[tuple[str, str]] = set()

    def differences(self) -> set[str]:
        """Return every difference in the operations that both have."""
        ours, theirs = operations(self._ours), operations(self._theirs)
        return {
            text for name in sorted(ours.keys() & theirs) for text in self._operation(name, ours[name], theirs[name])
        }

    def _operation(self, name: str, ours: Document, theirs: Document) -> Iterator[str]:
        if ours["operationId"] != theirs["operationId"]:
            yield f"{name}: is called {ours['operationId']}, not {theirs['operationId']}"
        yield from self._parameters(name, ours, theirs)
        bodies = [each.get("requestBody", {}) for each in (ours, theirs)]
        yield from self._content(f"{name}: body", *bodies)
        required = [bool(body.get("required")) for body in bodies]
        if required[0] != required[1]:
            yield f"{name}: body required is {required[0]}, not {required[1]}"
        codes = ours["responses"], theirs["responses"]
        yield from _sets(f"{name}: code", *codes)
        for code in sorted(codes[0].keys() & codes[1]):
            answers = _at(self._ours, codes[0][code]), _at(self._theirs, codes[1][code])
            yield from self._content(f"{name}: answer {code}", *answers)
            yield from _sets(f"{name}: header of {code}", *(answer.get("headers", {}) for answer in answers))

    def _parameters(self, name: str, ours: Document, theirs: Document) -> Iterator[str]:
        found = []
        for document, operation in ((self._ours, ours), (self._theirs, theirs)):
            every = (
                [_at(document, each) for each in (*operation["parameters"], *operation["common"])]
                if ("parameters" in operation)
                else [_at(document, each) for each in operation["common"]]
            )
            found.append({each["name"]: each["schema"] for each in every if each["in"] != "path"})
        yield from _sets(f"{name}: parameter", *found)
        for parameter in sorted(found[0].keys() & found[1]):
            yield from self._schema(f"{name}?{parameter}", found[0][parameter], found[1][parameter])

    def _content(self, where: str, ours: Document, theirs: Document) -> Iterator[str]:
        contents = ours.get("content", {}), theirs.get("content", {})
        yield from _sets(where, *contents)
        for media in sorted(contents[0].keys() & contents[1]):
            yield from self._schema(where, contents[0][media]["schema"], contents[1][media]["schema"])

    def _schema(self, where: str, ours: Document, theirs: Document) -> Iterator[str]:
        for option in ours.get("anyOf", ()):
            if "$ref" in option and option != theirs and theirs in ours["anyOf"]:
                yield f"{where}: alternative {option['$ref'].rpartition('/')[2]} is ours alone"
                ours = theirs
        if "$ref" in theirs:
            where = theirs["$ref"].rpartition("/")[2]
            pair = (str(ours.get("$ref")), where)
            if pair in self._seen:
                return
            self._seen.add(pair)
        mine, other = _flat(self._ours, ours), _flat(self._theirs, theirs)
        if mine.get("type") != other.get("type"):
            yield f"{where}: type {mine.get('type')}, not {other.get('type')}"
            return
        yield from _sets(f"{where}: value", dict.fromkeys(mine.get("enum", ())), dict.fromkeys(other.get("enum", ())))
        for limit in _LIMITS:
            if mine.get(limit) != other.get(limit):
                yield f"{where}: {limit} {mine.get(limit)}, not {other.get(limit)}"
        if "items" in other:
            yield from self._schema(f"{where}[]", mine.get("items", {}), other["items"])
        values = mine.get("additionalProperties"), other.get("additionalProperties")
        if isinstance(values[1], Mapping) and values[1]:
            yield from self._schema(f"{where}.*", values[0] if isinstance(values[0], Mapping) else {}, values[1])
        if other.get("properties"):
            yield from self._properties(where, mine, other)

    def _properties(self, where: str, ours: Document, theirs: Document) -> Iterator[str]:
        found = ours.get("properties", {}), theirs["properties"]
        yield from _sets(f"{where}: field", *found)
        yield from _sets(
            f"{where}: required", dict.fromkeys(ours.get("required", ())), dict.fromkeys(theirs.get("required", ()))
        )
        for name in sorted(found[0].keys() & found[1]):
            yield from self._schema(f"{where}.{name}", found[0][name], found[1][name])


def _sets(where: str, ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(ours.keys() - theirs):
        yield f"{where} {name} is ours alone"
    for name in sorted(theirs.keys() - ours):
        yield f"{where} {name} is missing"


def _at(document: Document, value: Document) -> Document:
    """Return a part of a document, or what it refers to."""
    while "$ref" in value:
        found: Any = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        value = found
    return value


def _flat(document: Document, schema: Document) -> dict[str, Any]:
    """Return a schema with `allOf` put together and without the alternative null."""
    schema = _at(document, schema)
    options = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    if len(options) == 1:
        return _flat(document, options[0])
    result: dict[str, Any] = {key: value for key, value in schema.items() if key not in ("allOf", "const")}
    if "const" in schema:
        result["enum"] = [schema["const"]]
    for part in schema.get("allOf", ()):
        flat = _flat(document, part)
        properties = {**flat.get("properties", {}), **result.get("properties", {})}
        required = [*result.get("required", ()), *flat.get("required", ())]
        result = {**flat, **result, "properties": properties, "required": required}
    return result
