"""An object of the operator, read: what state it is in, and of which specification that speaks. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cmf_hub.flink.annotations import instance_of
from cmf_hub.flink.marks import GENERATION_ANNOTATION
from cmf_hub.store import Record

Status = dict[str, Any]
"""Status of a resource, as its record has it."""


@dataclass(frozen=True)
class Observation:
    """An object of the operator, read: what it is in, and of which generation.

    Attributes:
        status: the operator's status as it is.
        made_from: generation of the resource that the object was made from.
        current: the operator has taken up the object's newest spec.
        terminating: why the object is not gone although its deletion was asked for, or None.
        instance: the application's instance that is deployed according to the operator, or None.
    """

    status: Mapping[str, Any]
    made_from: int
    current: bool
    terminating: str | None
    instance: str | None = None

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Observation:
        """Read an object as the API server returns it."""
        metadata, status = found["metadata"], found.get("status") or {}
        last = _reconciled(status, "lastReconciledSpec")
        rolled_back = (status.get("reconciliationStatus") or {}).get("state") in ("ROLLING_BACK", "ROLLED_BACK")
        deployed = _reconciled(status, "lastStableSpec") if rolled_back else last
        return cls(
            status=status,
            made_from=_number((metadata.get("annotations") or {}).get(GENERATION_ANNOTATION)),
            current=_is_current(metadata, last),
            terminating=_terminating(found),
            instance=instance_of(deployed.get("spec") or {}),
        )

    @property
    def lifecycle(self) -> str:
        """The operator's lifecycleState; CREATED before there is one."""
        return str(self.status.get("lifecycleState") or "CREATED")

    @property
    def job_manager(self) -> str:
        """The operator's jobManagerDeploymentStatus; session jobs have none."""
        return str(self.status.get("jobManagerDeploymentStatus") or "")

    @property
    def job(self) -> str:
        """State of the Flink job, or an empty text."""
        return str((self.status.get("jobStatus") or {}).get("state") or "")

    @property
    def error(self) -> str | None:
        """The operator's error as a sentence."""
        return error_text(self.status.get("error"))

    def observed(self, record: Record) -> int:
        """Return the newest generation of the resource that the operator has taken up."""
        if self.current:
            return self.made_from
        before = (record.status or {}).get("observedGeneration") or 0
        return min(int(before), self.made_from - 1)


def _number(text: str | None) -> int:
    """Return the number in an annotation, which anybody may have edited; 0 if there is none."""
    return int(text) if text and text.isascii() and text.isdecimal() else 0


def _reconciled(status: Mapping[str, Any], field: str) -> dict[str, Any]:
    """Return what is in one of the operator's texts that hold a spec and its generation; empty if there is none."""
    try:
        value = json.loads((status.get("reconciliationStatus") or {}).get(field) or "{}")
    except (ValueError, TypeError):
        return {}
    return value if isinstance(value, dict) else {}


def _is_current(metadata: Mapping[str, Any], reconciled: Mapping[str, Any]) -> bool:
    """Tell whether the operator has taken up an object's newest spec; before the first deployment it has none.

    The deletion of an object counts one generation up without changing its spec.
    """
    newest = metadata.get("generation", 0) - (1 if metadata.get("deletionTimestamp") else 0)
    try:
        return bool(reconciled["resource_metadata"]["metadata"]["generation"] == newest)
    except (KeyError, TypeError):
        return False


def deployed_spec(record: Record) -> Mapping[str, Any] | None:
    """Return the specification that the operator last took up of an application; None before there is one."""
    spec = _reconciled(record.status or {}, "lastReconciledSpec").get("spec")
    return spec if isinstance(spec, Mapping) and spec else None


def _terminating(found: Mapping[str, Any]) -> str | None:
    metadata = found["metadata"]
    since = metadata.get("deletionTimestamp")
    if not since:
        return None
    held = ", ".join(metadata.get("finalizers") or [])
    what = f"{found.get('kind', 'Object')} '{metadata['name']}' in namespace '{metadata['namespace']}'"
    error = error_text((found.get("status") or {}).get("error"))
    text = f"{what} is being deleted since {since}" + (f", held by finalizer {held}" if held else "")
    return f"{text}; last error: {error}" if error else text


def error_text(error: Any) -> str | None:
    """Return the operator's error as a sentence: it is JSON of an exception, with the causes in a list."""
    if not error:
        return None
    try:
        document = json.loads(error)
        messages = [document["message"], *(cause.get("message") for cause in document.get("throwableList") or [])]
    except (ValueError, TypeError, KeyError, AttributeError):
        return str(error)
    distinct = dict.fromkeys(str(message) for message in messages if message)
    return ": ".join(distinct) or str(error)
