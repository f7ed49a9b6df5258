"""Events: what changed of an application, from one state of its record to the next. Pure.

| type | from | data |
|---|---|---|
| CMF_STATUS | the resource: created, updated, deleted | null |
| CLUSTER_STATUS | status.lifecycleState | newStatus |
| JOB_STATUS | status.jobStatus.state | newStatus |
| JOB_EXCEPTION | status.error, and what the JobManager of a failing job knows (`job_exceptions`) | exceptionString |

An event says what is different from what the hub knew, so a state that is seen again makes none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from uuid import uuid4

from cmf_core.sensitive import is_sensitive

from cmf_hub.flink.instances import current
from cmf_hub.flink.manifests import application_spec
from cmf_hub.flink.observation import error_text
from cmf_hub.flink.placement import Placement
from cmf_hub.store import Entry, Record

EVENT = "FlinkApplicationEvent"
CMF_STATUS = "CMF_STATUS"
_API_VERSION = "cmf.confluent.io/v1alpha1"
LONGEST_EXCEPTION = 8192
"""Characters of an exceptionString; the operator itself cuts each of its parts at 2048."""
LONGEST_MESSAGE = 512
"""Characters of an event's message."""

_SHORTEST = 4
"""Characters of a secret at least; shorter ones are in any text."""


def event(record: Record, type_: str, message: str, data: Mapping[str, str] | None, now: str) -> Entry:
    """Return an event of an application; it names the instance of which its status speaks."""
    name = str(uuid4())
    document = {
        "apiVersion": _API_VERSION,
        "kind": EVENT,
        "metadata": {
            "name": name,
            "uid": name,
            "creationTimestamp": now,
            "flinkApplicationInstance": record.instance if type_ == CMF_STATUS else current(record),
        },
    }
    status = {"message": _bounded(message, LONGEST_MESSAGE), "type": type_, **({"data": data} if data else {})}
    return Entry(record.uid, EVENT, name, document, status)


def of_change(before: Record | None, after: Placement, updated: str, now: str) -> Iterator[Entry]:
    """Yield the events of a change that was asked for; `updated` is the message of an update."""
    record, message = after.record, None
    if before is None:
        message = "FlinkApplication created"
    elif record.deleting:
        message = None if before.deleting else "FlinkApplication deleted"
    elif record.instance != before.instance or _content(record) != _content(before):
        message = updated
    if message:
        yield event(record, CMF_STATUS, message, None, now)
    yield from of_status(before.status if before else None, after, now)


def of_status(before: Mapping[str, Any] | None, after: Placement, now: str) -> Iterator[Entry]:
    """Yield the events of a status that follows on `before`."""
    record = after.record
    old, new = before or {}, record.status or {}
    cluster, job = new.get("lifecycleState"), _job_state(new)
    if cluster and cluster != old.get("lifecycleState"):
        yield event(record, "CLUSTER_STATUS", f"Flink cluster status changed to {cluster}", _new(cluster), now)
    if job and job != _job_state(old):
        yield event(record, "JOB_STATUS", f"Flink job status changed to {job}", _new(job), now)
    exception = exception_string(new.get("error"))
    if exception and exception != exception_string(old.get("error")):
        yield of_exception(after, error_text(new["error"]) or "", exception, now)


def of_exception(placed: Placement, summary: str, exception: str, now: str) -> Entry:
    """Return the event of an exception.

    Args:
        placed: the application.
        summary: the exception in a sentence.
        exception: all of it, as Java prints it.
        now: when it was seen.
    """
    message = f"Flink exception: {_without_secrets(summary, placed)}"
    data = {"exceptionString": _bounded(_without_secrets(exception, placed), LONGEST_EXCEPTION)}
    return event(placed.record, "JOB_EXCEPTION", message, data, now)


def exception_string(error: Any) -> str:
    """Return the operator's error, JSON of an exception and its causes, as Java would print it; "" if there is none."""
    if not error:
        return ""
    try:
        document = json.loads(error)
        chain = [document, *(document.get("throwableList") or [])]
        return "\nCaused by: ".join(_throwable(each) for each in chain)
    except (ValueError, TypeError, KeyError, AttributeError):
        return str(error)


def _throwable(value: Mapping[str, Any]) -> str:
    text = ": ".join(str(value[part]) for part in ("type", "message") if value.get(part))
    return f"{text}\n{value['stackTrace']}" if value.get("stackTrace") else text


def _content(record: Record) -> dict[str, Any]:
    """Return what a user decides of a resource, and what never changes."""
    kept = {k: v for k, v in record.document["metadata"].items() if k not in ("generation", "updateTimestamp")}
    return {**record.document, "metadata": kept}


def _new(status: str) -> dict[str, str]:
    return {"newStatus": status}


def _job_state(status: Mapping[str, Any]) -> str:
    return str((status.get("jobStatus") or {}).get("state") or "")


def _without_secrets(text: str, placed: Placement) -> str:
    """Return the text without the values of the configuration's sensitive keys: an exception may quote them."""
    configuration = application_spec(placed)["flinkConfiguration"]
    secrets = {value for key, value in configuration.items() if is_sensitive(key) and len(value) >= _SHORTEST}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "******")
    return text


def _bounded(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 3]}..."
