"""Environment defaults over a resource's own settings: field by field, the environment wins (E03-E06, D17)."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any


def merged(own: Mapping[str, Any], defaults: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return `own` with `defaults` laid over it; mappings merge, everything else is replaced.

    Neither argument is changed. Lists are values: a default list replaces the resource's.
    """
    result = {key: deepcopy(value) for key, value in own.items()}
    for key, value in (defaults or {}).items():
        present = result.get(key)
        if isinstance(value, Mapping):
            result[key] = merged(present if isinstance(present, Mapping) else {}, value)
        elif value is not None:
            result[key] = deepcopy(value)
    return result
