"""Values that a preview does not know yet, at any depth of a resource's inputs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

Path = tuple[str | int, ...]


class Unknown(Enum):
    """The type of `UNKNOWN`."""

    VALUE = "unknown until the update runs"


UNKNOWN: Final = Unknown.VALUE
"""Stands for a value that another resource will give. The fronts translate their own marker to it and back."""


def unknown_paths(value: Any, at: Path = ()) -> Iterator[Path]:
    """Yield where in a value the unknown parts are."""
    if value is UNKNOWN:
        yield at
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from unknown_paths(part, (*at, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from unknown_paths(part, (*at, index))


def contains_unknown(value: Any) -> bool:
    """Tell whether any part of a value is unknown."""
    return next(unknown_paths(value), None) is not None


def known_part(value: Any) -> Any:
    """Return a value without its unknown parts; it is None if it is not known at all, and so is a place in a list."""
    if value is UNKNOWN:
        return None
    if isinstance(value, dict):
        return {key: known_part(part) for key, part in value.items() if part is not UNKNOWN}
    if isinstance(value, list):
        return [known_part(part) for part in value]
    return value


def touches(path: Path, unknown: Path) -> bool:
    """Tell whether what is said about `path` may come from an unknown value at `unknown`, above or below it."""
    shared = min(len(path), len(unknown))
    return path[:shared] == unknown[:shared]
