"""Flink configuration as the operator's CRD takes it: flat keys, text values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flat(configuration: Mapping[str, Any] | None, prefix: str = "") -> dict[str, str]:
    """Return a Flink configuration, nested or flat, as flat keys with text values.

    Users write `taskmanager.numberOfTaskSlots: 4` or a YAML tree; the CRD up to operator 1.12 takes text
    under flat keys only, later ones take both. Flat on both sides also makes one key of an environment's
    defaults replace the same key of a resource, however each was written (D17). A null unsets nothing
    and is left out; a list becomes Flink's own notation, its items with `;` between.
    """
    result: dict[str, str] = {}
    for key, value in (configuration or {}).items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        elif value is not None:
            result[f"{prefix}{key}"] = _text(value)
    return result


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, list):
        return ";".join(_text(item) for item in value)
    return str(value)
