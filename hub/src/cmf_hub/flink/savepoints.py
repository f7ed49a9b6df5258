"""Savepoints as the flink layer knows them: whose they are, what is asked of the operator, what they leave. Pure.

There are two ways to take one. Where the cluster has the CRD, a savepoint is a FlinkStateSnapshot of its own. Where
it has not, its job's object gets a new `savepointTriggerNonce`, and the result stands in that object's status.

Of both the resource's `private` part knows:

| of | field | what |
|---|---|---|
| Savepoint | `job` | kind and name of the object whose job it is of |
| | `object` | name of its FlinkStateSnapshot |
| | `nonce`, `generation` | or the nonce that asks for it, and the generation of the job that it came with |
| | `dispose` | whether its data go with it where a user deletes this one savepoint |
| application, statement | `trigger` | nonce of its newest savepoint, and the savepoint's name and uid |
| | `start` | path and nonce of the savepoint that it was last told to start from |

A savepoint's scope is environment, kind and name of its job; a detached one has none. What is left of a savepoint
whose record is gone, until its object is gone too, is a resource of kind FlinkStateSnapshot that nobody sees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmf_hub.store import Key, Record, Transaction

SAVEPOINT, SNAPSHOT = "Savepoint", "FlinkStateSnapshot"


def scope_of_job(job: Key) -> str:
    """Return the scope of the savepoints of an application or a statement."""
    return f"{job.scope}/{job.kind}/{job.name}"


def job_of_scope(scope: str) -> Key:
    """Return the application or statement whose savepoints have this scope."""
    environment, kind, name = scope.split("/")
    return Key(kind, environment, name)


def environment_name(scope: str) -> str:
    """Return the name of the environment that a scope is in, or is."""
    return scope.partition("/")[0]


def snapshot_spec(record: Record) -> dict[str, Any]:
    """Return the spec of a savepoint's FlinkStateSnapshot.

    Whoever removes the object without the hub's say keeps the data: `disposeOnDelete` is only set to delete.
    """
    spec, private = record.spec, record.private or {}
    savepoint = {"formatType": spec["formatType"], "disposeOnDelete": disposes(record), "path": spec.get("path")}
    return {"backoffLimit": spec["backoffLimit"], "jobReference": private["job"], "savepoint": savepoint}


def disposes(record: Record) -> bool:
    """Tell whether a savepoint's data go with its object now."""
    return record.deleting and bool((record.private or {}).get("dispose"))


def differs_in_disposal(found: Mapping[str, Any], record: Record) -> bool:
    """Tell whether a FlinkStateSnapshot would dispose of data that are to stay, or the other way round."""
    savepoint = (found.get("spec") or {}).get("savepoint") or {}
    return bool(savepoint.get("disposeOnDelete", True)) != disposes(record)


def overlaid(job: Mapping[str, Any], record: Record) -> dict[str, Any]:
    """Return the job of an application or statement with the nonces that the hub has given it."""
    private = record.private or {}
    result = dict(job)
    if trigger := private.get("trigger"):
        result["savepointTriggerNonce"] = trigger["nonce"]
    if start := private.get("start"):
        result |= {field: start[field] for field in ("initialSavepointPath", "savepointRedeployNonce")}
    return result


def with_trigger(job: Record, savepoint: Record, nonce: int) -> Record:
    """Return the record of an application or statement that is to take a savepoint by a nonce."""
    trigger = {"nonce": nonce, "savepoint": savepoint.name, "uid": savepoint.uid}
    return replace(job, private={**(job.private or {}), "trigger": trigger})


def with_start(job: Record, path: str, nonce: int) -> Record:
    """Return the record of an application or statement that is to start from a savepoint."""
    start = {"initialSavepointPath": path, "savepointRedeployNonce": nonce}
    return replace(job, private={**(job.private or {}), "start": start})


def without(job: Record, *fields: str) -> Record:
    """Return the record of an application or statement without parts of what only the hub knows of it."""
    kept = {key: value for key, value in (job.private or {}).items() if key not in fields}
    return replace(job, private=kept or None)


def withdrawn(before: Record, after: Record) -> dict[str, Any] | None:
    """Return the private part of a record whose change was taken back and may have reached the operator.

    A nonce that comes back is a new one to the operator, which has seen another since: it would take a savepoint
    that nobody asked for, or go back to a state of long ago. So there is none until the next.
    """
    private, tried = dict(before.private or {}), after.private or {}
    if trigger := private.get("trigger") or tried.get("trigger"):
        private["trigger"] = {**trigger, "nonce": None}
    if "start" in private or "start" in tried:
        private["start"] = {"initialSavepointPath": None, "savepointRedeployNonce": None}
    return private or None


def release(transaction: Transaction, job: Key) -> list[Key]:
    """Remove the savepoints of an application or statement that is gone; their data stay.

    Returns:
        What the reconciler has to work on now.
    """
    left = (bury(transaction, record) for record in transaction.list(SAVEPOINT, scope_of_job(job)))
    return [key for key in left if key is not None]


def bury(transaction: Transaction, record: Record) -> Key | None:
    """Remove a savepoint; if it has an object, leave a note to remove that without its data, and return its key."""
    transaction.delete(record.key)
    private = record.private or {}
    if "object" not in private:
        return None
    key = Key(SNAPSHOT, environment_name(record.key.scope), private["object"])
    transaction.put(
        replace(
            record,
            key=key,
            generation=record.generation + 1,
            deleting=True,
            dirty=True,
            private={**private, "dispose": False},
        )
    )
    return key
