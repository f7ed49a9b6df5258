"""Flink applications: a FlinkDeployment each, started and suspended by its spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from cmf_core.errors import BadRequest, NotFound
from cmf_core.models import FlinkApplication, timestamp
from cmf_core.rules import applications, enforce, names, operator, specs

from cmf_hub.flink.manifests import effective_spec
from cmf_hub.flink.observation import deployed_spec
from cmf_hub.flink.placement import APPLICATION
from cmf_hub.flink.savepoints import with_start, without
from cmf_hub.services.documents import changed, content_of, created, regenerated, resource_content
from cmf_hub.services.object_names import enforce_free
from cmf_hub.services.savepoints import next_nonce, path_to_start_from
from cmf_hub.services.writes import Writes, environment_of, existing, not_deleting
from cmf_hub.store import Key, Record, Transaction


class ApplicationService:
    """Operations on applications."""

    def __init__(self, writes: Writes) -> None:
        self._writes = writes

    async def upsert(self, environment: str, sent: FlinkApplication) -> Record:
        """Create or update an application, and deploy it.

        Raises:
            BadRequest, Unprocessable: the application breaks a rule, or its cluster refuses it.
            Conflict: it is being deleted, or its Kubernetes object's name is taken.
            NotFound, ClusterUnavailable: its environment is missing, its cluster not CONNECTED.
        """
        name = sent.name
        enforce_spec(name, sent.spec)
        document = resource_content(sent)
        key = Key(APPLICATION, environment, name)

        def change(transaction: Transaction, present: Record | None) -> Record:
            record = environment_of(transaction, environment)
            enforce_effective(name, sent.spec, record, present)
            if present is not None:
                return changed(_own_nonces_first(not_deleting(present), sent.spec), document, self._writes.clock)
            enforce_free(transaction, key, record)
            return created(key, document, self._writes.clock)

        return await self._writes.put(key, change)

    async def start(self, environment: str, name: str, savepoint: str | None) -> bool:
        """Set the job's state to running; False if it is so already.

        With `savepoint`, the uid of one of its own or of a detached one, the job starts from its state, also one that
        runs: that is stopped for it, without keeping its own. The specification stays as the user sent it.

        Raises:
            NotFound: there is no such application, or no such savepoint.
            Unprocessable: the savepoint is not COMPLETED.
            Conflict, ClusterUnavailable: as `upsert`.
        """
        key = Key(APPLICATION, environment, name)
        if not savepoint:
            return await self._set_state(key, "running")
        self._writes.present(key)

        def change(transaction: Transaction, present: Record | None) -> Record:
            record = not_deleting(existing(present, key))
            path = path_to_start_from(transaction, key, uid=savepoint)
            if path is None:
                raise NotFound(
                    f"{APPLICATION} '{name}' has no savepoint with uid '{savepoint}', and there is no detached one: "
                    "start without startFromSavepointUid"
                )
            last = ((record.private or {}).get("start") or {}).get("savepointRedeployNonce")
            document = _with_state(record, "running")
            after = regenerated(replace(record, document=document, updated=timestamp(self._writes.clock.now())))
            return with_start(after, path, next_nonce(self._writes.clock, last))

        await self._writes.put(key, change)
        return True

    async def suspend(self, environment: str, name: str) -> bool:
        """Set the job's state to suspended; False if it is so already.

        Raises:
            NotFound, Conflict, ClusterUnavailable: as `start`.
        """
        return await self._set_state(Key(APPLICATION, environment, name), "suspended")

    async def delete(self, environment: str, name: str, *, force: bool) -> bool:
        """Delete an application; True if it is gone, False if its deployment still ends on the cluster.

        `force` removes the record at once without a call to the cluster, where the job may go on.
        """
        key = Key(APPLICATION, environment, name)
        if force:
            await self._writes.forget(key, _always, has_object=lambda _: True)
            return True
        return await self._writes.delete(key, _always)

    async def _set_state(self, key: Key, state: str) -> bool:
        present = self._writes.present(key)
        if not present.dirty and not present.deleting and _job_state(present) == state:
            self._writes.writable(key.scope)
            return False

        def change(_: Transaction, record: Record | None) -> Record:
            present = not_deleting(existing(record, key))
            return changed(present, _with_state(present, state), self._writes.clock)

        await self._writes.put(key, change)
        return True


def _with_state(record: Record, state: str) -> dict[str, Any]:
    """Return the content of an application with another state of its job."""
    document = content_of(record)
    job = document["spec"].get("job")
    if not isinstance(job, dict):
        raise BadRequest(f"FlinkApplication '{record.name}' has no spec.job")
    document["spec"]["job"] = {**job, "state": state}
    return document


def _own_nonces_first(present: Record, spec: Mapping[str, Any]) -> Record:
    """Return the record without the nonces of the hub where the user now says something else (E25, E26)."""
    before, after = present.spec.get("job") or {}, spec.get("job") or {}
    if before.get("savepointTriggerNonce") != after.get("savepointTriggerNonce"):
        present = without(present, "trigger")
    fields = ("initialSavepointPath", "savepointRedeployNonce")
    if any(before.get(field) != after.get(field) for field in fields):
        present = without(present, "start")
    return present


def _job_state(record: Record) -> str:
    return "suspended" if applications.is_suspended(record.spec) else "running"


def enforce_spec(name: str, spec: dict[str, Any]) -> None:
    """Refuse a name or a spec that no application may have.

    Raises:
        BadRequest, Unprocessable: it breaks a rule.
    """
    enforce(names.resource_name(APPLICATION, name), names.deployment_name(APPLICATION, name))
    enforce(
        specs.deployment_spec(f"{APPLICATION} '{name}': spec", spec),
        applications.has_job(name, spec),
        applications.job_enums(name, spec),
    )


def enforce_effective(name: str, spec: dict[str, Any], environment: Record, present: Record | None) -> None:
    """Refuse a spec that no operator takes, with the environment's defaults over it, as it is deployed (D17).

    Raises:
        Unprocessable: it is one.
    """
    where, effective = f"{APPLICATION} '{name}': spec", effective_spec(spec, environment)
    enforce(
        operator.refused(where, effective),
        operator.change(where, effective, deployed_spec(present) if present else None),
    )


def _always(_: Transaction, __: Record) -> None:
    """Nothing refuses the deletion of an application."""
