"""How nested inputs are written: Python's snake_case or CMF's camelCase, sent as CMF has it.

Only the fields of CMF and of the Flink operator are respelled. What users name themselves (Flink
configuration, labels, properties) and what Kubernetes names (pod templates) stays as it was written.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from cmf_core.sensitive import OPTIONS

_SNAKE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
_IRREGULAR = {"jar_uri": "jarURI"}
AS_WRITTEN = frozenset({*OPTIONS, "labels", "annotations", "properties", "podTemplate", "logConfiguration", "secrets"})
"""Fields whose contents users or Kubernetes name."""


class SpelledTwice(ValueError):
    """A field is given in both spellings; the text says which."""


@lru_cache(4096)
def camel(name: str) -> str:
    """Return CMF's name of a field: `task_manager` is `taskManager`, other names stay."""
    if name in _IRREGULAR:
        return _IRREGULAR[name]
    if not _SNAKE.fullmatch(name):
        return name
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)


def as_cmf(value: Any) -> Any:
    """Return a nested input as CMF takes it: field names in camelCase, whole numbers as integers, no nulls.

    Raises:
        SpelledTwice: a field is there as `snake_case` and as `camelCase`.
    """
    if isinstance(value, dict):
        result: dict[str, Any] = {}
        for key, part in value.items():
            name = camel(key)
            if name in result:
                raise SpelledTwice(f"'{name}' is given twice, in two spellings: keep one")
            if part is not None:
                result[name] = _field(name, part)
        return result
    if isinstance(value, list):
        return [as_cmf(part) for part in value]
    return whole(value)


def _field(name: str, value: Any) -> Any:
    if name in OPTIONS:
        return texts(value)
    return whole(value) if name in AS_WRITTEN else as_cmf(value)


def whole(value: Any) -> Any:
    """Return a value with whole floats as integers: Pulumi carries every number as a float."""
    if isinstance(value, dict):
        return {key: whole(part) for key, part in value.items() if part is not None}
    if isinstance(value, list):
        return [whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def texts(value: Any) -> Any:
    """Return a Flink configuration with its values as text, which is what Flink reads."""
    if isinstance(value, dict):
        return {key: texts(part) for key, part in value.items() if part is not None}
    if isinstance(value, bool):
        return "true" if value else "false"
    value = whole(value)
    return str(value) if isinstance(value, int | float) else value
