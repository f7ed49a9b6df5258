"""Options in a Flink configuration, which users write flat, nested, or half of each. No rules, only readers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

CHECKPOINTS = ("state.checkpoints.dir", "execution.checkpointing.dir")
SAVEPOINTS = ("state.savepoints.dir", "execution.checkpointing.savepoint-dir")
"""Flink 1's key and what Flink 2 calls it."""
HIGH_AVAILABILITY = ("high-availability.type", "high-availability")


def options_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the flinkConfiguration of a deployment's specification."""
    configuration = spec.get("flinkConfiguration")
    return configuration if isinstance(configuration, Mapping) else {}


def option(configuration: Mapping[str, Any], *keys: str) -> str | None:
    """Return the text of the first of these options that is set; None if none is. A blank one is set."""
    found = (_lookup(configuration, key) for key in keys)
    value = next((each for each in found if each is not None), None)
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value).strip()


def is_true(configuration: Mapping[str, Any], key: str) -> bool | None:
    """Tell whether a switch is on; None if it is not mentioned."""
    text = option(configuration, key)
    return None if text is None else text.lower() == "true"


def high_availability(configuration: Mapping[str, Any]) -> bool | None:
    """Tell whether high availability is on; None if it is not mentioned, and so the operator's to say."""
    text = option(configuration, *HIGH_AVAILABILITY)
    return None if text is None else text.upper() not in ("", "NONE")


def whole_number(text: object) -> int | None:
    """Return a count, which users also write as text; None if it is none."""
    digits = str(text).strip()
    return int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _lookup(configuration: Mapping[str, Any], key: str) -> Any:
    value = configuration.get(key)
    if value is not None and not isinstance(value, Mapping):
        return value
    for head, inside in configuration.items():
        if isinstance(inside, Mapping) and key.startswith(f"{head}."):
            found = _lookup(inside, key[len(head) + 1 :])
            if found is not None:
                return found
    return None
