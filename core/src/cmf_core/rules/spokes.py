"""What a cluster lacks for what is to run on it: namespaces, accounts, room for pods (E12, E43, E59, E60)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from cmf_core.rules.verdict import Advice, rule

_HOPELESS_WAITS = frozenset(
    {
        "CrashLoopBackOff", "CreateContainerConfigError", "CreateContainerError", "ErrImagePull", "ImagePullBackOff",
        "InvalidImageName", "RunContainerError",
    }
)  # fmt: skip
_LONGEST = 500
"""Characters of a message of a cluster that are passed on."""


@rule("E60")
def namespace(environment: str, name: str, *, exists: bool) -> Advice | None:
    """The namespace of an environment stays there: it is made before CMF uses it, and not by CMF."""
    if exists:
        return None
    return Advice(f"Environment '{environment}': namespace '{name}' is gone from its cluster: create it again", "E60")


@rule("E43", "E60")
def service_account(environment: str, name: str, account: str, *, exists: bool) -> Advice | None:
    """Flink's pods run under a service account of their namespace, which the operator's chart makes."""
    if exists:
        return None
    text = (
        f"Environment '{environment}': namespace '{name}' has no service account '{account}' for Flink's pods: let the "
        "operator's chart watch the namespace, or create the account with its role"
    )
    return Advice(text, "E43")


@rule("E12", "E13")
def unwatched(what: str, place: str, seconds: float) -> str:
    """An operator that says nothing of an object does not run, or does not watch its namespace."""
    return (
        f"the Flink Kubernetes Operator has said nothing of {what} for {seconds:.0f} s: see that it runs and that its "
        f"watchNamespaces have '{place}'; it must be restarted after they are changed"
    )


@rule("E59")
def held_up(pods: Iterable[Mapping[str, Any]]) -> str | None:
    """Of the pods that do not come up, the first that says why."""
    causes = (_cause(pod) for pod in sorted(pods, key=_name))
    return next((cause for cause in causes if cause), None)


@rule("E59")
def told_by(events: Iterable[Mapping[str, Any]]) -> str | None:
    """Where there are no pods, the newest warning of the cluster says why."""
    newest = max(
        events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or ""), default=None
    )
    if newest is None or not newest.get("message"):
        return None
    return f"{newest.get('reason') or 'warning'}: {str(newest['message'])[:_LONGEST]}"


def _cause(pod: Mapping[str, Any]) -> str | None:
    status = _mapping(pod.get("status"))
    what = f"{_part(pod)} pod '{_name(pod)}'"
    if status.get("phase") != "Pending" and not _waits(status):
        return None
    for condition in _objects(status.get("conditions")):
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            text = str(condition.get("message") or condition.get("reason") or "no reason given")[:_LONGEST]
            return f"{what} cannot be scheduled: {text}; add nodes, or ask for less with the {_part(pod)}'s resource"
    for wait in _waits(status):
        text = f"{wait.get('reason')}: {wait.get('message') or 'no message'}"[:_LONGEST]
        return f"{what} does not start: {text}"
    return None


def _waits(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return what the containers of a pod wait for and will not get by waiting."""
    held = [
        *_objects(status.get("initContainerStatuses")),
        *_objects(status.get("containerStatuses")),
    ]
    waits = [_mapping(_mapping(container.get("state")).get("waiting")) for container in held]
    return [wait for wait in waits if wait.get("reason") in _HOPELESS_WAITS]


def _part(pod: Mapping[str, Any]) -> str:
    component = _mapping(_mapping(pod.get("metadata")).get("labels")).get("component")
    return {"jobmanager": "JobManager", "taskmanager": "TaskManager"}.get(str(component), "Flink")


def _name(pod: Mapping[str, Any]) -> str:
    return str(_mapping(pod.get("metadata")).get("name"))


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
