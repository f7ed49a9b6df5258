"""Pulumi's values and those of the life cycles, which know no Pulumi: to and fro. Used by both fronts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from inspect import isawaitable
from typing import Any

import pulumi
from cmf_core.sensitive import OPTIONS, is_sensitive
from pulumi._types import input_type_to_dict, is_input_type
from pulumi.runtime import rpc

from pulumi_cmf.lifecycle.kind import UNSENT
from pulumi_cmf.lifecycle.spelling import AS_WRITTEN, camel, whole
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


def guarded(values: Mapping[str, Any], secret: Collection[str]) -> dict[str, Any]:
    """Return properties with secrets marked for Pulumi: those of `secret`, and options that hold credentials."""
    return {
        key: rpc.wrap_rpc_secret(value) if key in secret else _guarded(value, options=camel(key) in OPTIONS)
        for key, value in values.items()
    }


def _guarded(value: Any, *, options: bool = False) -> Any:
    if isinstance(value, list):
        return [_guarded(part) for part in value]
    if not isinstance(value, dict):
        return value
    return guarded(value, [key for key in value if is_sensitive(key)] if options else ())


def respelled(value: Any) -> Any:
    """Return a nested input of a program with its fields as CMF spells them, whether its values are known or not.

    Pulumi finds the secrets among what a provider returns by the names that they had in the program.
    """
    if isinstance(value, pulumi.Output) or isawaitable(value):
        return pulumi.Output.from_input(value).apply(respelled)
    if is_input_type(type(value)):
        value = input_type_to_dict(value)
    if isinstance(value, list | tuple):
        return [respelled(part) for part in value]
    if not isinstance(value, Mapping):
        return value
    given = {key: part for key, part in value.items() if part is not None}
    if len({camel(key) for key in given}) < len(given):
        return value  # a field in two spellings, which the check tells
    return {camel(key): part if camel(key) in AS_WRITTEN else respelled(part) for key, part in given.items()}


def creation_mark(urn: str, inputs: Mapping[str, Any]) -> str | None:
    """Return the mark of a create: the same for a repeat by the same resource with the same inputs, 2 and 2.0 alike."""
    if not urn:
        return None
    sent = {key: value for key, value in inputs.items() if key not in UNSENT}
    text = json.dumps([urn, whole(sent)], sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
