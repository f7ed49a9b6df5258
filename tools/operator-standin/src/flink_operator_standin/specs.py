"""Specs as the operator handles them: defaults, the recorded JSON form, and the difference of two of them."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from flink_operator_standin.effects import Json, Kind

_COMMON = ("job", "restartNonce", "flinkConfiguration")
FIELDS: dict[Kind, tuple[str, ...]] = {
    "FlinkDeployment": (
        *_COMMON,
        "image",
        "imagePullPolicy",
        "serviceAccount",
        "flinkVersion",
        "ingress",
        "podTemplate",
        "jobManager",
        "taskManager",
        "logConfiguration",
        "mode",
    ),
    "FlinkSessionJob": (*_COMMON, "deploymentName"),
}
_NESTED = {
    "job": (
        "jarURI",
        "parallelism",
        "entryClass",
        "args",
        "state",
        "savepointTriggerNonce",
        "initialSavepointPath",
        "checkpointTriggerNonce",
        "upgradeMode",
        "allowNonRestoredState",
        "savepointRedeployNonce",
    ),
    "jobManager": ("resource", "replicas", "podTemplate"),
    "taskManager": ("resource", "replicas", "podTemplate"),
    "resource": ("cpu", "memory", "ephemeralStorage"),
}
_IGNORED_PATHS = {
    "imagePullPolicy",
    "ingress",
    "job.upgradeMode",
    "job.savepointTriggerNonce",
    "job.checkpointTriggerNonce",
    "job.initialSavepointPath",
    "job.allowNonRestoredState",
}
_IGNORED_CONFIGURATION = ("kubernetes.operator.", "job.autoscaler.", "standin.")
_IGNORED_IF_REMOVED = {"restartNonce", "job.savepointRedeployNonce"}
_SCALED_IF_STANDALONE = {"taskManager.replicas", "job.parallelism"}


def with_defaults(kind: Kind, spec: Json) -> Json:
    """The spec as the operator stores it when it adds its finalizer.

    It writes the whole object back from its own classes, so defaults become visible and the generation moves.
    """
    spec = copy.deepcopy(spec)
    if spec.get("job") is not None:
        for name, value in (("args", []), ("state", "running"), ("upgradeMode", "stateless"), ("parallelism", 0)):
            spec["job"].setdefault(name, value)
    if kind == "FlinkDeployment":
        if spec.get("jobManager") is not None:
            spec["jobManager"].setdefault("replicas", 1)
        holders = [spec, spec.get("jobManager"), spec.get("taskManager")]
        for holder in holders:
            if holder and holder.get("podTemplate") is not None:
                holder["podTemplate"].setdefault("apiVersion", "v1")
                holder["podTemplate"].setdefault("kind", "Pod")
    return spec


def standalone(spec: Json) -> bool:
    """Whether a deployment's mode is standalone (the default is native)."""
    return bool(spec.get("mode") == "standalone")


def suspended(spec: Json) -> bool:
    """Whether the spec has a job that is to be suspended."""
    job = spec.get("job")
    return job is not None and job.get("state") == "suspended"


def dump(kind: Kind, spec: Json, group: str, generation: int, *, first: bool) -> str:
    """The JSON text for `lastReconciledSpec`: every field, absent ones as null, and the object's generation."""
    return json.dumps(
        {
            "spec": _complete(spec, FIELDS[kind]),
            "resource_metadata": {
                "apiVersion": f"{group}/v1beta1",
                "metadata": {"generation": generation},
                "firstDeployment": first,
            },
        },
        separators=(",", ":"),
    )


def _complete(value: Json, names: tuple[str, ...]) -> Json:
    result: Json = {}
    for name in names:
        part = value.get(name)
        result[name] = _complete(part, _NESTED[name]) if name in _NESTED and isinstance(part, dict) else part
    return result


class Change(IntEnum):
    """How much a difference asks for; a difference of several fields asks for the most of them."""

    NONE = 0
    IGNORE = 1
    SCALE = 2
    UPGRADE = 3
    SAVEPOINT_REDEPLOY = 4


@dataclass(frozen=True)
class Difference:
    """What changed between two specs."""

    kind: Kind
    change: Change
    fields: tuple[tuple[str, Any, Any], ...]

    def __str__(self) -> str:
        """As the operator's SpecChanged event words it."""
        changes = ", ".join(f"{path} : {_show(old)} -> {_show(new)}" for path, old, new in self.fields)
        return f"Diff: {self.kind}Spec[{changes}]"


def difference(kind: Kind, old: Json, new: Json) -> Difference:
    """The difference from `old` to `new`, in the order in which the operator lists fields."""
    own = tuple(name for name in FIELDS[kind] if name not in _COMMON)
    found = tuple(_walk(old, new, (*own, *_COMMON), ""))
    is_standalone = standalone(new)
    change = max((_weigh(path, after, is_standalone) for path, _, after in found), default=Change.NONE)
    return Difference(kind, change, found)


def _walk(old: Json, new: Json, names: tuple[str, ...], path: str) -> Iterator[tuple[str, Any, Any]]:
    for name in names:
        before, after = old.get(name), new.get(name)
        here = f"{path}{name}"
        if name == "flinkConfiguration":
            before, after = before or {}, after or {}
            yield from _walk(before, after, tuple(sorted({*before, *after})), f"{here}.")
        elif name in _NESTED and isinstance(before, dict) and isinstance(after, dict):
            yield from _walk(before, after, _NESTED[name], f"{here}.")
        elif before != after:
            yield here, before, after


def _weigh(path: str, after: Any, is_standalone: bool) -> Change:
    configuration = path.removeprefix("flinkConfiguration.")
    if path in _IGNORED_PATHS or (configuration != path and configuration.startswith(_IGNORED_CONFIGURATION)):
        return Change.IGNORE
    if path in _IGNORED_IF_REMOVED and after is None:
        return Change.IGNORE
    if path == "job.savepointRedeployNonce":
        return Change.SAVEPOINT_REDEPLOY
    if path in _SCALED_IF_STANDALONE and is_standalone:
        return Change.SCALE
    return Change.UPGRADE


def _show(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "[" + ", ".join(_show(item) for item in value) + "]"
    if isinstance(value, dict):
        return json.dumps(value, separators=(",", ":"))
    return str(value)
