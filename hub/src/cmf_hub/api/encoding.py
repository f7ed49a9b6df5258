"""JSON and YAML, both ways: bodies to plain values, answers to the form that the caller accepts.

What comes in is made of JSON's values only: text keys, finite numbers, no dates. Depth and number of values
are limited, because a few YAML aliases can stand for billions of values.
"""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

import yaml
from cmf_core.errors import BadRequest, NotAcceptable, UnsupportedMediaType

JSON = "application/json"
YAML = "application/yaml"
_YAML_TYPES = frozenset({YAML, "application/x-yaml", "text/yaml", "text/x-yaml"})
_JSON_TYPES = frozenset({JSON, "text/json"})
_DEPTH = 64
_VALUES = 200_000
_UNWANTED = ("tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:merge")


class _Loader(yaml.CSafeLoader):
    """YAML's safe values less dates (`2024-01-01` stays text) and merge keys (they multiply before we can count)."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _UNWANTED]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def decode(data: bytes, content_type: str | None) -> Any:
    """Return the value of a request body; without a Content-Type it is JSON.

    Raises:
        UnsupportedMediaType: neither JSON nor YAML.
        BadRequest: the body is empty, or not what it says it is.
    """
    media = (content_type or JSON).partition(";")[0].strip().lower()
    is_yaml = media in _YAML_TYPES or media.endswith("+yaml")
    if not is_yaml and media not in _JSON_TYPES and not media.endswith("+json"):
        raise UnsupportedMediaType(f"Content-Type '{media}' is not supported: send {JSON} or {YAML}")
    if not data.strip():
        raise BadRequest("The request has no body")
    try:
        value = _from_yaml(data) if is_yaml else json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        reason = str(error) or "too deeply nested"
        raise BadRequest(f"The body is not valid {'YAML' if is_yaml else 'JSON'}: {reason}") from error
    return _Copy().plain(value, _DEPTH)


def accepted(accept: str | None) -> str:
    """Return the media type to answer in: YAML if the caller prefers it, else JSON.

    Raises:
        NotAcceptable: the caller takes neither.
    """
    ranges = [_range(part) for part in (accept or "*/*").split(",") if part.strip()]
    for media, quality in sorted(ranges, key=lambda entry: -entry[1]):
        if quality <= 0:
            continue
        if media in ("*/*", "application/*", *_JSON_TYPES):
            return JSON
        if media in _YAML_TYPES or media == "text/*":
            return YAML
    raise NotAcceptable(f"Accept '{accept}' cannot be served: take {JSON} or {YAML}")


def accepted_or_json(accept: str | None) -> str:
    """Return the media type for an error: as `accepted`, and JSON for a caller that takes neither."""
    try:
        return accepted(accept)
    except NotAcceptable:
        return JSON


def encode(text: str, media: str) -> bytes:
    """Return JSON text in a media type."""
    if media == YAML:
        return yaml.dump(json.loads(text), Dumper=yaml.CSafeDumper, allow_unicode=True, sort_keys=False).encode()
    return text.encode()


def _range(part: str) -> tuple[str, float]:
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name == "q":
            try:
                return media, float(value)
            except ValueError:
                return media, 0.0
    return media, 1.0


def _from_yaml(data: bytes) -> Any:
    depth = 0
    for event in yaml.parse(data, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > _DEPTH:
            raise ValueError("too deeply nested")
    return yaml.load(data, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON value")


class _Copy:
    """A copy made of JSON's values, with YAML's non-text keys as text."""

    def __init__(self) -> None:
        self._values = 0

    def plain(self, value: Any, depth: int) -> Any:
        """Return the copy of a value.

        Raises:
            BadRequest: it holds something that JSON does not know, or too much.
        """
        self._values += 1
        if depth == 0 or self._values > _VALUES:
            raise BadRequest(f"The body is nested deeper than {_DEPTH}, or holds more than {_VALUES} values")
        match value:
            case dict():
                return {_key(key): self.plain(item, depth - 1) for key, item in value.items()}
            case list():
                return [self.plain(item, depth - 1) for item in value]
            case str():
                return _sound(value)
            case float() if not math.isfinite(value):
                raise BadRequest(f"The body holds the number {value}, which JSON does not know")
            case None | bool() | int() | float():
                return value
            case _:
                raise BadRequest(f"The body holds a value of type {type(value).__name__}, which JSON does not know")


def _key(key: object) -> str:
    if key == "<<":
        raise BadRequest("The body has a YAML merge key (<<), which is not supported: write the fields out")
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, str | int | float):
        return _sound(str(key))
    raise BadRequest(f"The body holds the key {key!r}, which is not text")


def _sound(text: str) -> str:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadRequest("The body holds half a Unicode surrogate pair") from error
    return text
