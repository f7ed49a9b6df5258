"""Flink applications: a FlinkDeployment each, started and suspended by its spec."""

from __future__ import annotations

from typing import Any

from cmf_core.errors import BadRequest, NotFound
from cmf_core.merge import merged
from cmf_core.models import FlinkApplication
from cmf_core.rules import applications, enforce, names, specs

from cmf_hub.flink.objects import APPLICATION
from cmf_hub.services.documents import changed, content_of, created, resource_content
from cmf_hub.services.object_names import enforce_free
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
            enforce_effective(name, sent.spec, record)
            if present is not None:
                return changed(not_deleting(present), document, self._writes.clock)
            enforce_free(transaction, key, record)
            return created(key, document, self._writes.clock)

        return await self._writes.put(key, change)

    async def start(self, environment: str, name: str, savepoint: str | None) -> bool:
        """Set the job's state to running; False if it is so already.

        Raises:
            NotFound: there is no such application, or no savepoint with the uid `savepoint`.
            Conflict, ClusterUnavailable: as `upsert`.
        """
        key = Key(APPLICATION, environment, name)
        if savepoint:
            self._writes.present(key)
            raise NotFound(f"Savepoint with uid '{savepoint}' does not exist: start without startFromSavepointUid")
        return await self._set_state(key, "running")

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
            document = content_of(not_deleting(existing(record, key)))
            job = document["spec"].get("job")
            if not isinstance(job, dict):
                raise BadRequest(f"FlinkApplication '{key.name}' has no spec.job")
            document["spec"]["job"] = {**job, "state": state}
            return changed(existing(record, key), document, self._writes.clock)

        await self._writes.put(key, change)
        return True


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


def enforce_effective(name: str, spec: dict[str, Any], environment: Record) -> None:
    """Refuse a spec that breaks a rule with the environment's defaults over it, as it is deployed (D17).

    Raises:
        Unprocessable: it does.
    """
    defaults = (environment.document.get("flinkApplicationDefaults") or {}).get("spec")
    effective = merged(spec, defaults if isinstance(defaults, dict) else None)
    enforce(applications.durable_upgrade(name, effective))


def _always(_: Transaction, __: Record) -> None:
    """Nothing refuses the deletion of an application."""
