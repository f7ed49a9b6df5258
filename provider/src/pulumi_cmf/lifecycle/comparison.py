"""When what CMF has is what was asked for.

A server fills in defaults, so what it has more than was asked for is no difference, but in the maps that
are the user's alone: there a key that somebody added is one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pulumi_cmf.lifecycle.unknowns import Path

_OWNED = frozenset(
    {"flinkConfiguration", "connectionConfig", "labels", "annotations", "properties", "flink_configuration"}
)


def same(one: Any, other: Any) -> bool:
    """Tell whether two values of an input are equal; 2 and 2.0 are, and so are null and absent."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(same(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other) and isinstance(one, bool) == isinstance(other, bool)


def holds(present: Any, asked: Any, field: str = "") -> bool:
    """Tell whether `present`, the server's value of `field`, is `asked` or that with defaults filled in."""
    if isinstance(asked, Mapping) and isinstance(present, Mapping) and field not in _OWNED:
        return all(holds(present.get(key), value, key) for key, value in asked.items())
    return same(present or None, asked or None) if field in _OWNED else same(present, asked)


def differing(one: Any, other: Any, at: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """Yield the innermost places where two values differ, with both values there; None is absent."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in [*one, *(key for key in other if key not in one)]:
            yield from differing(one.get(key), other.get(key), (*at, key))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for index, pair in enumerate(zip(one, other, strict=True)):
            yield from differing(*pair, (*at, index))
    elif not same(one, other):
        yield at, one, other
