"""Pulumi's values and those of the life cycles, which know no Pulumi: to and fro. Used by both fronts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi

from pulumi_cmf.lifecycle.kind import UNSENT
from pulumi_cmf.lifecycle.spelling import whole
from pulumi_cmf.lifecycle.unknowns import UNKNOWN

PROVIDER = "__provider"
"""Property in which the state of a dynamic resource holds its provider."""


def from_pulumi(value: Mapping[str, Any]) -> dict[str, Any]:
    """Return properties as the life cycles take them: no provider among them, no nulls, our mark for unknowns."""
    return {key: _exchanged(part) for key, part in value.items() if key != PROVIDER and part is not None}


def _exchanged(value: Any) -> Any:
    if isinstance(value, pulumi.output.Unknown):
        return UNKNOWN
    if isinstance(value, dict):
        return {key: _exchanged(part) for key, part in value.items()}
    return [_exchanged(part) for part in value] if isinstance(value, list) else value


def to_pulumi(value: Any, unknown: Any) -> Any:
    """Return a value as Pulumi takes it, with `unknown` for what is not known."""
    if value is UNKNOWN:
        return unknown
    if isinstance(value, dict):
        return {key: to_pulumi(part, unknown) for key, part in value.items()}
    return [to_pulumi(part, unknown) for part in value] if isinstance(value, list) else value


def creation_mark(urn: str, inputs: Mapping[str, Any]) -> str | None:
    """Return the mark of a create: the same for a repeat by the same resource with the same inputs, 2 and 2.0 alike."""
    if not urn:
        return None
    sent = {key: value for key, value in inputs.items() if key not in UNSENT}
    text = json.dumps([urn, whole(sent)], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
