"""Units of Flink and of Kubernetes."""

from __future__ import annotations

import re
from decimal import Decimal

_FLINK: dict[str, int] = {
    unit: 1024**power
    for power, units in enumerate(
        (("", "b", "bytes"), ("k", "kb", "kibibytes"), ("m", "mb", "mebibytes"), ("g", "gb", "gibibytes"),
         ("t", "tb", "tebibytes"))
    )
    for unit in units
}  # fmt: skip
_KUBERNETES = {"": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")}
_KUBERNETES |= {unit: Decimal(1000) ** power for power, unit in enumerate("kMGTPE", 1)}
_KUBERNETES |= {f"{unit}i": Decimal(1024) ** power for power, unit in enumerate("KMGTPE", 1)}
_FLINK_SIZE = re.compile(r"([0-9]{1,19})\s*([a-zA-Z]*)")
_QUANTITY = re.compile(
    r"([0-9]{1,19}(?:\.[0-9]{0,18})?|\.[0-9]{1,18})(?:[eE]([-+]?[0-9]{1,2})|([numkMGTPE]|[KMGTPE]i)?)"
)


def memory_bytes(text: object) -> int | None:
    """Return a memory size of a FlinkDeployment in bytes, or None if it is none.

    As the Flink Kubernetes Operator reads it: Flink's own notation first, where `2g`, `2G` and `2 gb` are powers
    of 1024; then a Kubernetes quantity: `2Gi`, `1.5G`, `1e9`. A number without unit is bytes.
    """
    trimmed = str(text).strip()
    if (size := _FLINK_SIZE.fullmatch(trimmed)) and (factor := _FLINK.get(size[2].lower())):
        return int(size[1]) * factor
    amount = _quantity(trimmed)
    return None if amount is None else int(amount)


def cpu_cores(value: object) -> float | None:
    """Return an amount of CPU in cores, or None if it is none: a number, or a Kubernetes quantity such as `500m`."""
    amount = None if isinstance(value, bool) else _quantity(str(value).strip())
    return None if amount is None else float(amount)


def _quantity(text: str) -> Decimal | None:
    match = _QUANTITY.fullmatch(text)
    if match is None:
        return None
    if match[2]:
        return Decimal(match[1]).scaleb(int(match[2]))
    return Decimal(match[1]) * _KUBERNETES[match[3] or ""]
