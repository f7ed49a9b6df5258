"""Flink configuration as far as the operator looks into it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

SAVEPOINT_DIRECTORY = "state.savepoints.dir"
CHECKPOINT_DIRECTORY = "state.checkpoints.dir"
_HA_TYPES = ("high-availability.type", "high-availability")
_CLUSTER_SELECTED = {"kubernetes", "zookeeper"}

_FLINK_UNITS = {
    1: ("", "b", "bytes"),
    1 << 10: ("k", "kb", "kibibytes"),
    1 << 20: ("m", "mb", "mebibytes"),
    1 << 30: ("g", "gb", "gibibytes"),
    1 << 40: ("t", "tb", "tebibytes"),
}
_FLINK_UNIT = {unit: factor for factor, units in _FLINK_UNITS.items() for unit in units}
_KUBERNETES_UNIT = {"ki": 1 << 10, "mi": 1 << 20, "gi": 1 << 30, "ti": 1 << 40, "pi": 1 << 50}


def merged(*layers: Mapping[str, Any] | None) -> dict[str, str]:
    """The layers as one flat configuration; later layers win."""
    return {key: str(value) for layer in layers for key, value in (layer or {}).items() if value is not None}


def flag(conf: Mapping[str, str], key: str) -> bool:
    """A boolean option that is false unless set."""
    return conf.get(key, "").strip().lower() == "true"


def text(conf: Mapping[str, str], key: str) -> str | None:
    """An option's value, or None if it is absent or blank."""
    return conf.get(key, "").strip() or None


def high_availability(conf: Mapping[str, str]) -> bool:
    """Whether high availability is on."""
    value = next((conf[key].strip() for key in _HA_TYPES if conf.get(key)), "NONE")
    return value.lower() in _CLUSTER_SELECTED or "." in value


def slots(conf: Mapping[str, str]) -> int:
    """Slots a TaskManager; 1 if not configured or not a number."""
    value = conf.get("taskmanager.numberOfTaskSlots", "1")
    return max(1, int(value)) if value.isdigit() else 1


def memory_bytes(value: str) -> int:
    """Bytes of a memory size in Flink's units (`900m` = 900 MiB) or Kubernetes' (`2Gi`).

    Raises:
        ValueError: with the message of the operator.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", value.strip().lower())
    if match:
        factor = _FLINK_UNIT.get(match[2]) or _KUBERNETES_UNIT.get(match[2])
        if factor:
            return int(Decimal(match[1]) * factor)
    bad = next((char for char in value.strip().upper() if not (char.isdigit() or char in ".E+-")), "")
    raise ValueError(
        f'Character {bad} is neither a decimal digit number, decimal point, nor "e" notation exponential mark.'
    )
